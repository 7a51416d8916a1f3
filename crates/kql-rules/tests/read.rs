//! Every way in which rules are written, with the places of what was read and the notes on what is odd.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail anywhere")]
#![allow(clippy::string_slice, reason = "a test may fail anywhere")]

use kql::time::{DAY, HOUR, MINUTE};
use kql_rules::{
    Comparison, Contents, DetailGrouping, EventGrouping, Kind, Level, MatchingMethod, Rule, Severity, read,
    read::is_test_file,
};

fn one(name: &str, text: &str) -> Rule {
    let mut contents = read(name, text.as_bytes());
    assert_eq!(contents.rules.len(), 1, "{:?}", contents.notes);
    contents.rules.remove(0)
}

fn notes(contents: &Contents) -> Vec<String> {
    contents
        .all_notes()
        .iter()
        .map(|it| format!("{}:{} {} {}", it.place.line, it.place.column, it.code, it.message))
        .collect()
}

fn text(it: &Option<kql_rules::At<String>>) -> &str {
    it.as_ref().map_or("", |it| it.value.as_str())
}

const FULL: &str = "\u{feff}id: 1a2b3c4d-0000-1111-2222-333344445555
name: 'A rule'
description: |
  'What it finds.'
severity: medium
status: Available
requiredDataConnectors:
  - connectorId: AzureActiveDirectory
    dataTypes:
      - SigninLogs
queryFrequency: 1h
queryPeriod: 14.00:00:00
triggerOperator: gt
triggerThreshold: \"5\"
tactics:
  - InitialAccess
relevantTechniques: [T1078, T1078.004]
query: |
  SigninLogs
  | where ResultType == 1
suppressionEnabled: false
suppressionDuration: PT5H
entityMappings:
  - entityType: Account
    fieldMappings:
      - identifier: FullName
        columnName: UserPrincipalName
sentinelEntitiesMappings:
  - columnName: Entities
customDetails:
  Result: ResultType
alertDetailsOverride:
  alertDisplayNameFormat: By {{UserPrincipalName}}
  alertSeverityColumnName: Grade
  alertDynamicProperties:
    - alertProperty: AlertLink
      value: Link
eventGroupingSettings:
  aggregationKind: AlertPerResult
incidentConfiguration:
  createIncident: true
  groupingConfiguration:
    enabled: true
    reopenClosedIncident: false
    lookbackDuration: PT6H
    matchingMethod: Selected
    groupByEntities: [Account]
    groupByAlertDetails: [DisplayName]
    groupByCustomDetails: [Result]
version: 1.0.3
kind: Scheduled
tags:
  - A
  - Schema: ASimDns
";

#[test]
fn analytics_rules() {
    let it = one("rule.yaml", FULL);
    assert!(it.notes.is_empty(), "{:?}", it.notes);
    assert_eq!((it.kind, text(&it.name), text(&it.description)), (Kind::Scheduled, "A rule", "What it finds."));
    assert_eq!(it.severity.as_ref().map(|it| it.value), Some(Severity::Medium));
    let value = |it: &Option<kql_rules::At<i64>>| it.as_ref().unwrap().value;
    assert_eq!(
        (value(&it.query_frequency), value(&it.query_period), value(&it.trigger_threshold)),
        (HOUR, 14 * DAY, 5)
    );
    assert_eq!(it.trigger_operator.as_ref().unwrap().value, Comparison::GreaterThan);
    assert_eq!((it.techniques.len(), it.tags[1].value.as_str()), (2, "Schema: ASimDns"));
    assert_eq!(it.connectors[0].data_types[0].value, "SigninLogs");
    assert_eq!(it.entity_mappings[0].fields[0].column.value, "UserPrincipalName");
    assert_eq!(
        (it.sentinel_entities[0].value.as_str(), it.custom_details[0].1.value.as_str()),
        ("Entities", "ResultType")
    );
    assert_eq!(text(&it.overrides.display_name), "By {{UserPrincipalName}}");
    assert_eq!(it.overrides.dynamic[0].0.value, "AlertLink");
    assert_eq!(it.event_grouping.as_ref().unwrap().value, EventGrouping::AlertPerResult);
    assert_eq!((value(&it.suppression.duration), it.suppression.enabled.unwrap().value), (5 * HOUR, false));
    let grouping = it.incident.grouping.as_ref().unwrap();
    assert_eq!(
        (value(&grouping.lookback), grouping.matching.as_ref().unwrap().value),
        (6 * HOUR, MatchingMethod::Selected)
    );
    assert_eq!(grouping.details[0].value, DetailGrouping::DisplayName);
    // Places count the lines and columns of the file, without its mark.
    let place = it.entity_mappings[0].fields[0].identifier.place;
    assert_eq!((place.line, place.column), (26, 21));
    let place = it.query.place(13..18);
    assert_eq!((place.line, place.column, &it.source.text[place.start..place.end]), (20, 5, "where"));
}

#[test]
fn what_is_odd_is_noted_and_the_rest_is_kept() {
    let text = "name: X\nqueryFrequency: hourly\nqueryPeriod: 1d\nserverity: High\ntriggerThreshold: many\nkind: Sheduled\nquery: T\nquery: U\n";
    let contents = read("rule.yaml", text.as_bytes());
    let it = &contents.rules[0];
    assert_eq!((it.query.text.as_str(), it.kind), ("T", Kind::Scheduled));
    assert!(it.query_frequency.is_none() && it.query_period.is_some());
    let notes = notes(&contents);
    for expected in [
        "2:17 READ006 `queryFrequency` should be a duration such as 1d, 5m, PT1H or 01:00:00, not `hourly`",
        "4:1 READ005 unknown key `serverity`",
        "5:19 READ006 `triggerThreshold` should be a whole number",
        "6:7 READ008 unknown kind `Sheduled`",
        "8:1 READ007 `query` is there twice; the first counts",
    ] {
        assert!(notes.iter().any(|it| it == expected), "{expected} in {notes:?}");
    }
    let hint = contents.all_notes().iter().find_map(|it| it.hint.clone().filter(|it| it.contains("severity")));
    assert_eq!(hint.as_deref(), Some("did you mean `severity`?"));
    for (name, text) in
        [("a.yaml", "name: X\n"), ("a.yaml", "- 1\n"), ("a.json", "{}"), ("a.yaml", "a: [1"), ("a.kql", " \n")]
    {
        assert!(read(name, text.as_bytes()).all_notes().iter().any(|it| it.level == Level::Error), "{text}");
    }
    // Bytes that are no text, and UTF-16.
    assert_eq!(read("a.kql", b"print '\xff'").notes[0].code, "READ003");
    let wide: Vec<u8> = "\u{feff}name: X\nquery: T\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read("a.yaml", &wide).rules[0].query.text, "T");
}

/// Keys that several rules share, by an anchor; the rule's own key wins, and places are those of where a value is written.
#[test]
fn merged_keys_and_places_of_whole_files() {
    let text = "base: &base\n  severity: Low\n  kind: Scheduled\n  queryFrequency: 2h\nname: A\n<<: *base\nseverity: High\nquery: T\n";
    let it = one("rule.yaml", text);
    assert_eq!((it.kind, it.severity.as_ref().unwrap().value), (Kind::Scheduled, Severity::High));
    let frequency = it.query_frequency.as_ref().unwrap();
    assert_eq!((frequency.value, frequency.place.line), (2 * HOUR, 4));
    let listed = "a: &a {severity: Low}\nb: &b {severity: High, kind: NRT}\nname: A\n<<: [*a, *b]\nquery: T\n";
    let it = one("rule.yaml", listed);
    assert_eq!((it.kind, it.severity.unwrap().value), (Kind::Nrt, Severity::Low));
    assert_eq!(notes(&read("rule.yaml", b"# nothing\n")), ["1:1 READ004 no rule: there is no `query:` in it"]);
    assert!(notes(&read("rule.yaml", b"name: F\xe4hl\nquery: T\n"))[0].starts_with("1:1 READ003"));
}

#[test]
fn near_real_time_and_hunts() {
    assert_eq!(one("a.yaml", "name: N\nkind: nrt\nseverity: Low\nquery: T\n").kind, Kind::Nrt);
    let it = one(
        "a.yaml",
        "name: H\nquery: |\n  ```kusto\n  T\n  | where t > todatetime('{{StartTimeISO}}') and x\n  ```\n",
    );
    assert_eq!(
        (it.kind, it.query.text.as_str()),
        (Kind::Hunting, "T\n| where t > todatetime('{{StartTimeISO}}') and x\n")
    );
    let filled = it.query.with_window(0, DAY);
    assert!(filled.text.contains("todatetime('0001-01-01T00:00:00Z') and x"), "{}", filled.text);
    let offset = filled.text.find("and x").unwrap();
    let place = filled.place(offset..offset + 3);
    assert_eq!((place.line, &it.source.text[place.start..place.end]), (5, "and"));
}

#[test]
fn pages_that_lost_their_indentation() {
    let text = "Query Details\nid: 1\nname: A hunt\ndescription: |\nIt finds: things.\nquery: |\nlet a = 1;\nT\n| where x == a\ntactics:\n- Persistence\nqueryPeriod: 1d\nqueryFrequency: 1h\n";
    for file in ["page.txt", "page.yaml"] {
        let it = one(file, text);
        assert_eq!((text_of(&it), it.query.text.as_str()), ("A hunt", "let a = 1;\nT\n| where x == a"));
        assert_eq!(it.query.whole().line, 7);
        assert_eq!((it.tactics[0].value.as_str(), it.tactics[0].place.line), ("Persistence", 11));
        assert_eq!((it.kind, it.query_period.as_ref().unwrap().value), (Kind::Scheduled, DAY));
    }
}

fn text_of(it: &Rule) -> &str {
    text(&it.name)
}

#[test]
fn functions_and_parsers() {
    let it = one(
        "f.yaml",
        "Function:\n  Title: Parser of X\n  Version: 1.0.0\nCategory: Microsoft\nFunctionName: ParseX\nFunctionAlias: X\nFunctionQuery: |\n  T | where a\nFunctionParameters: a:bool=true\n",
    );
    let functions = it.stored_functions();
    assert_eq!((functions.len(), functions[0].0.as_str(), functions[1].0.as_str()), (2, "ParseX", "X"));
    assert_eq!(functions[0].1.parameters, "(a:bool=true)");
    let asim = "Parser:\n  Title: DNS of X\n  Version: '0.1'\n  LastUpdated: Jun 1, 2026\nNormalization:\n  Schema: Dns\n  Version: '0.1.3'\n\
                ParserName: vimDnsX\nEquivalentBuiltInParser: _Im_Dns_X\nParserParams:\n  - Name: starttime\n    Type: datetime\n    Default: datetime(null)\n\
                \x20 - Name: srcipaddr\n    Type: string\n    Default: '*'\n  - Name: names\n    Type: dynamic\n    Default: dynamic([])\n\
                \x20 - Name: disabled\n    Type: bool\n    Default: false\nParserQuery: |\n  T | where not(disabled) and (srcipaddr == '*' or ip == srcipaddr)\n";
    let it = one("vim.yaml", asim);
    assert!(it.notes.is_empty(), "{:?}", it.notes);
    let function = it.function.as_ref().unwrap();
    assert_eq!(
        function.parameters,
        "(starttime:datetime=datetime(null), srcipaddr:string='*', names:dynamic=dynamic([]), disabled:bool=false)"
    );
    assert_eq!(text(&function.normalises), "Dns");
    let mut engine = kql::Engine::new();
    engine.load_bytes("T", br#"[{"ip":"1"},{"ip":"2"}]"#).unwrap();
    for (name, function) in it.stored_functions() {
        engine.add_function(name, function);
    }
    assert_eq!(
        engine.query("_Im_Dns_X(srcipaddr='2') | union vimDnsX | count").unwrap().rows()[0][0],
        kql::Value::Long(3)
    );
}

#[test]
fn parameters_of_functions_may_be_a_list() {
    let text = "FunctionName: F\nFunctionParameters:\n  - 'days:int=1'\n  - 'name:string'\nFunctionQuery: T\n";
    let it = one("f.yaml", text);
    assert_eq!(it.function.as_ref().unwrap().parameters, "(days:int=1, name:string)");
    assert!(it.notes.is_empty(), "{:?}", it.notes);
}

#[test]
fn templates_and_exports() {
    let text = r#"{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "resources": [
    { "id": "[concat(resourceId('x'),'/alertRules/0a1b2c3d-1111-2222-3333-444455556666')]",
      "name": "[concat(parameters('workspace'),'/Microsoft.SecurityInsights/0a1b2c3d-1111-2222-3333-444455556666')]",
      "type": "Microsoft.OperationalInsights/workspaces/providers/alertRules", "kind": "Scheduled",
      "properties": { "displayName": "One", "severity": "High", "enabled": true,
        "query": "T\r\n| where Quote == \"a\" and Bad\n", "queryFrequency": "PT5M", "queryPeriod": "P1D",
        "triggerOperator": "GreaterThan", "triggerThreshold": 0, "techniques": ["T1078"], "subTechniques": ["T1078.001"],
        "alertRuleTemplateName": null } },
    { "type": "Microsoft.OperationalInsights/workspaces/providers/alertRules", "kind": "NRT",
      "properties": { "displayName": "[[Two", "query": "U" } },
    { "type": "Microsoft.OperationalInsights/workspaces/providers/alertRules", "kind": "Fusion", "properties": {} }
  ]
}"#;
    let contents = read("export.json", text.as_bytes());
    assert!(contents.all_notes().is_empty(), "{:?}", notes(&contents));
    let [first, second] = contents.rules.as_slice() else { panic!("{}", contents.rules.len()) };
    assert_eq!(
        (text_of(first), first.kind, first.query_frequency.as_ref().unwrap().value),
        ("One", Kind::Scheduled, 5 * MINUTE)
    );
    assert_eq!(first.id.as_ref().unwrap().value, "0a1b2c3d-1111-2222-3333-444455556666");
    assert_eq!(first.techniques.len(), 2);
    assert_eq!((text_of(second), second.kind), ("[Two", Kind::Nrt));
    let offset = first.query.text.find("Bad").unwrap();
    let place = first.query.place(offset..offset + 3);
    assert_eq!((place.line, &contents.source.text[place.start..place.end]), (8, "Bad"));
    let answer = r#"{"value":[{"kind":"Scheduled","properties":{"displayName":"A","query":"T"}},{"kind":"Scheduled","properties":{"displayName":"B","query":"U"}}]}"#;
    assert_eq!(read("rules.json", answer.as_bytes()).rules.len(), 2);
}

#[test]
fn custom_detections() {
    let text = "displayName: Odd process\nisEnabled: true\nqueryCondition:\n  queryText: |\n    DeviceProcessEvents\n    | where x\nschedule:\n  period: 3H\n\
                detectionAction:\n  alertTemplate:\n    title: Odd\n    description: Text\n    severity: high\n    category: Execution\n    mitreTechniques: [T1059]\n\
                \x20   impactedAssets:\n      - '@odata.type': '#microsoft.graph.security.impactedDeviceAsset'\n        identifier: deviceId\n  responseActions: []\n";
    let it = one("xdr.yaml", text);
    assert!(it.notes.is_empty(), "{:?}", it.notes);
    assert_eq!((it.kind, it.severity.unwrap().value), (Kind::CustomDetection, Severity::High));
    let value = |it: &Option<kql_rules::At<i64>>| it.as_ref().unwrap().value;
    assert_eq!((value(&it.query_frequency), value(&it.query_period)), (3 * HOUR, 12 * HOUR));
    assert_eq!(it.entity_mappings[0].fields[0].column.value, "DeviceId");
    let newer = text.replace("  period: 3H\n", "  frequency: PT1H\n  lookback: PT6H\n");
    assert_eq!(value(&one("xdr.yaml", &newer).query_period), 6 * HOUR);
}

#[test]
fn bare_queries_fences_and_tests() {
    assert_eq!(read("a.kql", b"let a = 1;\n\nprint a\n").rules.len(), 1);
    let it = read("a.kql", b"// first\nprint 1\n\nprint 2\n| extend y = 3\n\n// end\n");
    assert_eq!(it.rules.iter().map(|it| it.place.line).collect::<Vec<_>>(), [1, 4]);
    let page = read("a.md", b"# Hunts\n\n```kql\nT\n```\n\n```\nno query\n```\n\n```kusto\nU\n| take 1\n```\n");
    assert_eq!(page.rules.iter().map(|it| it.query.text.as_str()).collect::<Vec<_>>(), ["T\n", "U\n| take 1\n"]);
    assert!(is_test_file("x/rule.test.yaml".as_ref()) && !is_test_file("x/rule.yaml".as_ref()));
}

#[test]
fn detections_of_panther() {
    let panther = "AnalysisType: rule\nRuleID: A.B\nDisplayName: AB\nLogTypes: [OpenAI.Audit]\nThreshold: 3\nDedupPeriodMinutes: 60\nSeverity: High\n\
                Tests:\n  - Name: fires\n    ExpectedResult: true\n    Log: { id: 1, user: { name: ann } }\n  - Name: broken\n    Log: {}\n";
    let contents = read("panther.yml", panther.as_bytes());
    let it = &contents.panther[0];
    assert_eq!((text(&it.id), it.threshold.as_ref().unwrap().value, it.tests.len()), ("A.B", 3, 1));
    assert_eq!(it.tests[0].log.as_ref().unwrap().to_json()["user"]["name"], "ann");
    assert_eq!(contents.notes.len(), 1);
}
