//! Stored chat completions: a product in use, and among it what is planted.

use super::{DAY, DAYS, Options, people::Person, planted, put, put_number, random::Random};
use std::io::{self, Write};

const MODELS: [&str; 4] = ["gpt-5.4", "gpt-5.4-mini", "gpt-4.1", "gpt-4.1-mini"];
const ANSWERS: [&str; 6] = [
    "Your order left our warehouse this morning and should arrive on Thursday.",
    "Here is a summary of the meeting:\\n- budget approved\\n- launch moved by a week",
    "The function allocates in every turn of the loop; hoist the buffer out of it.",
    "Label: invoice. Confidence: high.",
    "Das Paket wurde gestern zugestellt. \\u00dcbrigens: die Rechnung liegt bei.",
    "I found three documents that mention the clause; the newest is from March.",
];

/// What is known of a completion before it is written; planted ones have their request.
struct Facts<'a> {
    time: i64,
    user: &'a [u8],
    finish: &'a str,
    request: Option<&'a str>,
}

/// Writes all completions.
pub(super) fn write(options: &Options, out: &mut impl Write) -> io::Result<()> {
    let mut random = Random::new(options.seed ^ 0xC0FF_EE00);
    let mut planted = planted::COMPLETIONS.iter().peekable();
    let n = options.completions.saturating_sub(planted::COMPLETIONS.len());
    let n_people = (options.events / 240).max(8);
    let (start, length) = (options.at(DAYS - 1, (0, 0, 0)), (DAYS - 1) * DAY + DAY / 2);
    let (mut line, mut user) = (Vec::new(), Vec::new());
    for index in 0..=n {
        let time = start + (length as i128 * index as i128 / n.max(1) as i128) as i64;
        while let Some((days, clock, user, finish, request)) =
            planted.next_if(|it| index == n || options.at(it.0, it.1) <= time)
        {
            let facts =
                Facts { time: options.at(*days, *clock), user: user.as_bytes(), finish, request: Some(request) };
            completion(&facts, &mut random, &mut line);
        }
        if index < n {
            user.clear();
            // Staff are served as usual; only users of the product, who are but a number, run into anything.
            let is_staff = random.once_in(4);
            if is_staff {
                Person(random.below(n_people)).email(&mut user);
            } else {
                put(&mut user, &["customer-"]);
                put_number(&mut user, random.below(50_000) as i64);
            }
            let finish = match random.below(100) {
                _ if is_staff => "stop",
                0 => "content_filter",
                1..=4 => "length",
                5..=9 => "tool_calls",
                _ => "stop",
            };
            completion(&Facts { time, user: &user, finish, request: None }, &mut random, &mut line);
        }
        out.write_all(&line)?;
        line.clear();
    }
    Ok(())
}

fn completion(facts: &Facts, random: &mut Random, line: &mut Vec<u8>) {
    put(line, &[r#"{"object":"chat.completion","id":"chatcmpl-"#]);
    random.id(29, line);
    let model = if facts.request.is_some() { MODELS[0] } else { random.pick(&MODELS) };
    put(line, &[r#"","model":""#, model, r#"","created":"#]);
    put_number(line, facts.time);
    put(line, &[r#","request_id":""#]);
    match facts.request {
        Some(request) => put(line, &[request]),
        None => {
            put(line, &["req_"]);
            random.id(32, line);
        }
    }
    let (prompt, answer) = (20 + random.below(3000) as i64, 1 + random.below(900) as i64);
    put(line, &[r#"","tool_choice":"#, if facts.finish == "tool_calls" { "\"auto\"" } else { "null" }]);
    for (name, tokens) in [
        (r#","usage":{"total_tokens":"#, prompt + answer),
        (r#","completion_tokens":"#, answer),
        (r#","prompt_tokens":"#, prompt),
    ] {
        put(line, &[name]);
        put_number(line, tokens);
    }
    put(line, &[r#"},"seed":"#]);
    put_number(line, (random.next() >> 1) as i64);
    put(line, &[r#","top_p":1.0,"temperature":"#, random.pick(&["0.0", "0.2", "0.7", "1.0"])]);
    put(
        line,
        &[r#","presence_penalty":0.0,"frequency_penalty":0.0,"system_fingerprint":"fp_50cad350e4","input_user":""#],
    );
    line.extend_from_slice(facts.user);
    put(line, &[r#"","service_tier":"default","tools":null,"metadata":{"app":""#]);
    put(
        line,
        &[random.pick(&["support", "mail-triage", "code-review"]), r#""},"choices":[{"index":0,"message":{"content":"#],
    );
    match facts.finish {
        "tool_calls" => {
            put(line, &[r#"null,"role":"assistant","tool_calls":[{"id":"call_"#]);
            random.id(24, line);
            put(line, &[r#"","type":"function","function":{"name":"find_order","arguments":"{\"id\":"#]);
            put_number(line, random.below(100_000) as i64);
            put(line, &[r#"}"}}]"#]);
        }
        "content_filter" => put(line, &[r#"null,"role":"assistant","tool_calls":null"#]),
        _ => put(line, &["\"", random.pick(&ANSWERS), r#"","role":"assistant","tool_calls":null"#]),
    }
    put(
        line,
        &[
            r#","function_call":null},"finish_reason":""#,
            facts.finish,
            r#"","logprobs":null}],"response_format":null}"#,
        ],
    );
    line.push(b'\n');
}
