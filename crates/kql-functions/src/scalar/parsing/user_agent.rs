//! User agents: browser, system and device, by rules of our own.
//!
//! The reference works through thousands of patterns of the uap-core project. These rules know what logs commonly show:
//! the browsers and tools in wide use, the systems, and phones by maker. Families carry uap-core's names; whatever no
//! rule knows is `Other`, as there.

use kql_data::{Bag, Dynamic};

crate::functions! {
    /// Browser, operating system and device that a user agent names, as far as the engine's own rules know them.
    /// `look_for` is "browser", "os" or "device", or an array of them; all three when it is not given.
    ///
    ///     parse_user_agent("Mozilla/5.0 (Windows; U; en-US) AppleWebKit/531.9 (KHTML, like Gecko) AdobeAIR/2.5.1", "browser") => dynamic({"Browser": {"Family": "AdobeAIR", "MajorVersion": "2", "MinorVersion": "5", "Patch": "1"}})
    ///     parse_user_agent("curl/8.5.0", "os").OperatingSystem.Family => "Other"
    fn parse_user_agent
        (user_agent: string) -> dynamic { parsed(user_agent, &["browser", "os", "device"]) }
        (user_agent: string, look_for: any_dynamic) -> dynamic { looked_for(user_agent, &look_for) }
}

fn looked_for(agent: &str, what: &Dynamic) -> Option<Dynamic> {
    match what {
        Dynamic::String(one) => parsed(agent, &[one]),
        Dynamic::Array(several) => parsed(agent, &several.iter().map(Dynamic::as_str).collect::<Option<Vec<_>>>()?),
        _ => None,
    }
}

fn parsed(agent: &str, what: &[&str]) -> Option<Dynamic> {
    let mut bag = Bag::default();
    for name in what {
        let (key, slots) = match name.to_ascii_lowercase().as_str() {
            "browser" => ("Browser", browser(agent)),
            "os" => ("OperatingSystem", system(agent)),
            "device" => ("Device", device(agent)),
            _ => return None,
        };
        _ = bag.insert(key.into(), slots);
    }
    Some(Dynamic::bag(bag))
}

/// Marks of a browser, in the order in which they are looked for, and its family. A version follows the mark.
const BROWSERS: &[(&str, &str)] = &[
    ("AdobeAIR/", "AdobeAIR"),
    ("Googlebot/", "Googlebot"),
    ("bingbot/", "bingbot"),
    ("YandexBot/", "YandexBot"),
    ("AhrefsBot/", "AhrefsBot"),
    ("DuckDuckBot/", "DuckDuckBot"),
    ("Applebot/", "Applebot"),
    ("facebookexternalhit/", "FacebookBot"),
    ("Twitterbot/", "Twitterbot"),
    ("Slackbot-LinkExpanding ", "Slackbot-LinkExpanding"),
    ("EdgA/", "Edge Mobile"),
    ("EdgiOS/", "Edge Mobile"),
    ("Edg/", "Edge"),
    ("Edge/", "Edge"),
    ("Opera Mini/", "Opera Mini"),
    ("OPiOS/", "Opera Mini"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("YaBrowser/", "Yandex Browser"),
    ("Vivaldi/", "Vivaldi"),
    ("UCBrowser/", "UC Browser"),
    ("DuckDuckGo/", "DuckDuckGo Mobile"),
    ("Teams/", "Microsoft Teams"),
    ("Electron/", "Electron"),
    ("CriOS/", "Chrome Mobile iOS"),
    ("FxiOS/", "Firefox iOS"),
    ("HeadlessChrome/", "HeadlessChrome"),
    ("Chromium/", "Chromium"),
    ("Thunderbird/", "Thunderbird"),
    ("SeaMonkey/", "SeaMonkey"),
    ("PaleMoon/", "Pale Moon"),
    ("IEMobile/", "IE Mobile"),
    ("Chrome/", "Chrome"),
    ("Firefox/", "Firefox"),
    ("Microsoft Outlook ", "Outlook"),
    ("MSIE ", "IE"),
    ("python-requests/", "Python Requests"),
    ("Python-urllib/", "Python-urllib"),
    ("aiohttp/", "Python aiohttp"),
    ("python-httpx/", "Python HTTPX"),
    ("Boto3/", "Boto3"),
    ("aws-cli/", "aws-cli"),
    ("curl/", "curl"),
    ("Wget/", "Wget"),
    ("Go-http-client/", "Go-http-client"),
    ("okhttp/", "okhttp"),
    ("Apache-HttpClient/", "Apache-HttpClient"),
    ("PostmanRuntime/", "PostmanRuntime"),
    ("axios/", "axios"),
    ("node-fetch/", "node-fetch"),
    ("WindowsPowerShell/", "WindowsPowerShell"),
    ("PowerShell/", "PowerShell"),
    ("Java/", "Java"),
    ("Opera/", "Opera"),
];

/// Marks of a system and its family, looked for in order. A version follows the mark.
const SYSTEMS: &[(&str, &str)] = &[
    ("Windows Phone ", "Windows Phone"),
    ("Android ", "Android"),
    ("iPhone OS ", "iOS"),
    ("CPU OS ", "iOS"),
    ("Mac OS X ", "Mac OS X"),
    ("SymbianOS/", "Symbian OS"),
    ("Tizen ", "Tizen"),
    ("Ubuntu/", "Ubuntu"),
    ("Ubuntu", "Ubuntu"),
    ("Fedora/", "Fedora"),
    ("Fedora", "Fedora"),
    ("Debian", "Debian"),
    ("CentOS", "CentOS"),
    ("Red Hat", "Red Hat"),
    ("FreeBSD ", "FreeBSD"),
    ("OpenBSD ", "OpenBSD"),
    ("Android", "Android"),
    ("Mac OS X", "Mac OS X"),
    ("Linux/", "Linux"),
    ("Linux", "Linux"),
    ("Darwin/", "Mac OS X"),
];

/// Versions of Windows by the number of its kernel.
const WINDOWS: &[(&str, &str, &str)] = &[
    ("Windows NT 10.0", "10", ""),
    ("Windows NT 6.3", "8", "1"),
    ("Windows NT 6.2", "8", ""),
    ("Windows NT 6.1", "7", ""),
    ("Windows NT 6.0", "Vista", ""),
    ("Windows NT 5.2", "XP", ""),
    ("Windows NT 5.1", "XP", ""),
    ("Windows NT 5.0", "2000", ""),
    ("Windows 98", "98", ""),
    ("Windows", "", ""),
];

/// Beginnings of the models of Android devices and their makers.
const MAKERS: &[(&str, &str)] = &[
    ("SM-", "Samsung"),
    ("GT-", "Samsung"),
    ("SAMSUNG", "Samsung"),
    ("Pixel", "Google"),
    ("Nexus", "Google"),
    ("moto", "Motorola"),
    ("Redmi", "XiaoMi"),
    ("Mi ", "XiaoMi"),
    ("POCO", "XiaoMi"),
    ("ONEPLUS", "OnePlus"),
    ("CPH", "Oppo"),
    ("vivo", "Vivo"),
    ("Nokia", "Nokia"),
    ("LM-", "LG"),
    ("HUAWEI", "Huawei"),
];

/// What follows a mark.
fn after<'a>(agent: &'a str, mark: &str) -> Option<&'a str> {
    agent.find(mark).and_then(|at| agent.get(at + mark.len()..))
}

/// Up to `N` numbers set apart by dots or underscores; "" for those that are not there.
fn version<const N: usize>(text: &str) -> [&str; N] {
    let end = text.find(|it: char| !it.is_ascii_digit() && it != '.' && it != '_').unwrap_or(text.len());
    let mut numbers = text.get(..end).unwrap_or("").split(['.', '_']);
    [(); N].map(|()| numbers.next().unwrap_or(""))
}

fn slots<const N: usize>(keys: [&'static str; N], texts: [&str; N]) -> Dynamic {
    Dynamic::bag(super::bag_of(keys.into_iter().zip(texts)))
}

fn browser(agent: &str) -> Dynamic {
    let (family, [major, minor, patch]) = browser_of(agent);
    slots(["Family", "MajorVersion", "MinorVersion", "Patch"], [family, major, minor, patch])
}

fn browser_of(agent: &str) -> (&'static str, [&str; 3]) {
    let found = BROWSERS.iter().find_map(|(mark, family)| after(agent, mark).map(|it| (*family, version(it))));
    let is_android = agent.contains("Android");
    if let Some((family, version)) = found {
        let family = match family {
            "Chrome" if is_android && agent.contains("; wv)") => "Chrome Mobile WebView",
            "Chrome" if is_android && agent.contains("Mobile") => "Chrome Mobile",
            "Firefox" if is_android || agent.contains("Mobile") => "Firefox Mobile",
            "Opera" if is_android => "Opera Mobile",
            other => other,
        };
        return (family, version);
    }
    if agent.contains("Trident/") {
        return ("IE", after(agent, "rv:").map_or(["11", "0", ""], version));
    }
    let is_ios = ["iPhone", "iPad", "iPod"].iter().any(|it| agent.contains(it));
    match after(agent, "Version/").map(version) {
        Some(version) if is_ios => ("Mobile Safari", version),
        Some(version) if is_android => ("Android", version),
        Some(version) if agent.contains("Safari") => ("Safari", version),
        _ if is_ios => ("Mobile Safari UI/WKWebView", after(agent, " OS ").map(version).unwrap_or_default()),
        _ => ("Other", ["", "", ""]),
    }
}

fn system(agent: &str) -> Dynamic {
    let (family, [major, minor, patch, patch_minor]) = system_of(agent);
    let keys = ["Family", "MajorVersion", "MinorVersion", "Patch", "PatchMinor"];
    slots(keys, [family, major, minor, patch, patch_minor])
}

fn system_of(agent: &str) -> (&'static str, [&str; 4]) {
    if !agent.contains("Windows Phone")
        && let Some((_, major, minor)) = WINDOWS.iter().find(|(mark, ..)| agent.contains(mark))
    {
        return ("Windows", [major, minor, "", ""]);
    }
    if let Some(rest) = after(agent, "CrOS ") {
        return ("Chrome OS", rest.split_once(' ').map(|(_, it)| version(it)).unwrap_or_default());
    }
    let found = SYSTEMS.iter().find_map(|(mark, family)| after(agent, mark).map(|it| (*family, it)));
    match found {
        // The version of Darwin is not that of Mac OS X.
        Some((family, _)) if agent.contains("Darwin/") => (family, ["", "", "", ""]),
        Some((family, rest)) => (family, version(rest)),
        None => ("Other", ["", "", "", ""]),
    }
}

fn device(agent: &str) -> Dynamic {
    let of = |family: &str, brand: &str, model: &str| slots(["Family", "Brand", "Model"], [family, brand, model]);
    let lower = agent.to_ascii_lowercase();
    if ["bot/", "bot ", "bot;", "crawler", "spider", "slurp"].iter().any(|it| lower.contains(it)) {
        return of("Spider", "Spider", "Desktop");
    }
    if let Some(model) = ["iPhone", "iPad", "iPod"].into_iter().find(|it| agent.contains(it)) {
        return of(model, "Apple", model);
    }
    if agent.contains("Macintosh") {
        return of("Mac", "Apple", "Mac");
    }
    let Some(model) = android_model(agent) else { return of("Other", "", "") };
    match MAKERS.iter().find(|(start, _)| model.starts_with(start)) {
        Some((_, "Google")) => of(model, "Google", model),
        Some((_, maker)) => of(&format!("{maker} {}", model.trim_start_matches("SAMSUNG ")), maker, model),
        None => of(model, "Generic_Android", model),
    }
}

/// The model in `(Linux; Android 12; MODEL Build/…)`.
fn android_model(agent: &str) -> Option<&str> {
    let details = after(agent, "Android ")?.split(')').next()?;
    let (_, details) = details.split_once(';')?;
    let model = details.split(';').map(str::trim).rfind(|it| !it.is_empty() && *it != "wv")?;
    let model = model.split_once(" Build/").map_or(model, |(it, _)| it);
    (!matches!(model, "Mobile" | "Tablet") && !model.starts_with("rv:")).then_some(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(slots: Dynamic) -> String {
        slots.as_bag().unwrap().values().map(Dynamic::text).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn common_agents() {
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91";
        assert_eq!(text(browser(edge)), "Edge|120|0|2210");
        assert_eq!(text(system(edge)), "Windows|10|||");
        assert_eq!(text(device(edge)), "Other||");
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1";
        assert_eq!(text(browser(phone)), "Mobile Safari|17|2|");
        assert_eq!(text(system(phone)), "iOS|17|2|1|");
        assert_eq!(text(device(phone)), "iPhone|Apple|iPhone");
        let android = "Mozilla/5.0 (Linux; Android 13; SM-G991B Build/TP1A) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.6045.66 Mobile Safari/537.36";
        assert_eq!(text(browser(android)), "Chrome Mobile|119|0|6045");
        assert_eq!(text(system(android)), "Android|13|||");
        assert_eq!(text(device(android)), "Samsung SM-G991B|Samsung|SM-G991B");
        let mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Safari/605.1.15";
        assert_eq!(text(browser(mac)), "Safari|17|1|");
        assert_eq!(text(system(mac)), "Mac OS X|10|15|7|");
        let ie = "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; AS; rv:11.0) like Gecko";
        assert_eq!(text(browser(ie)), "IE|11|0|");
        let bot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
        assert_eq!(
            (text(browser(bot)), text(device(bot))),
            ("Googlebot|2|1|".to_owned(), "Spider|Spider|Desktop".to_owned())
        );
        assert_eq!(text(browser("python-requests/2.31.0")), "Python Requests|2|31|0");
        assert_eq!(text(system("")), "Other||||");
    }

    #[test]
    fn only_what_is_looked_for() {
        let keys = |what: &str| {
            looked_for("curl/8.5.0", &kql_data::json::read(what).unwrap()).map(|it| it.as_bag().unwrap().len())
        };
        assert_eq!(keys("\"os\""), Some(1));
        assert_eq!(keys("[\"browser\",\"device\"]"), Some(2));
        assert_eq!(keys("\"colour\""), None);
        assert_eq!(keys("5"), None);
    }
}
