//! Tables and functions that Microsoft Sentinel's OpenAI solution makes, restated.

use kql_data::{Schema, Type};

/// Columns of `OpenAIAuditLogs_CL`: audit events of an OpenAI organization.
pub const AUDIT_LOGS: &[(&str, Type)] = &[
    ("TimeGenerated", Type::Datetime),
    ("Id", Type::String),
    ("EventType", Type::String),
    ("EffectiveAt", Type::Datetime),
    ("ActorType", Type::String),
    ("ActorApiKey", Type::Dynamic),
    ("ActorSession", Type::Dynamic),
    ("Project", Type::Dynamic),
    ("EventDetails", Type::Dynamic),
    ("ConnectorName", Type::String),
];

/// Columns of `ASimAgentEventLogs`: chat completions and other events of AI agents.
pub const AGENT_EVENT_LOGS: &[(&str, Type)] = &[
    ("TimeGenerated", Type::Datetime),
    ("ActingAppId", Type::String),
    ("ActingAppName", Type::String),
    ("ActingAppType", Type::String),
    ("ActorUserId", Type::String),
    ("ActorUserIdType", Type::String),
    ("ActorUserScope", Type::String),
    ("ActorUserScopeId", Type::String),
    ("ActorUsername", Type::String),
    ("ActorUsernameType", Type::String),
    ("AdditionalFields", Type::Dynamic),
    ("EventCount", Type::Int),
    ("EventEndTime", Type::Datetime),
    ("EventErrorDetails", Type::String),
    ("EventFinishReasons", Type::Dynamic),
    ("EventOriginalErrorType", Type::String),
    ("EventOriginalRequestDetails", Type::String),
    ("EventOriginalResultDetails", Type::String),
    ("EventOriginalType", Type::String),
    ("EventOriginalUid", Type::String),
    ("EventOutputType", Type::String),
    ("EventProduct", Type::String),
    ("EventRequestFrequencyPenalty", Type::Real),
    ("EventRequestId", Type::String),
    ("EventRequestPresencePenalty", Type::Real),
    ("EventRequestSeed", Type::Long),
    ("EventRequestTemperature", Type::Real),
    ("EventRequestTopP", Type::Real),
    ("EventResponseId", Type::String),
    ("EventSchema", Type::String),
    ("EventSchemaVersion", Type::String),
    ("EventSessionId", Type::String),
    ("EventSessionName", Type::String),
    ("EventStartTime", Type::Datetime),
    ("EventThoughtProcessDetails", Type::String),
    ("EventThoughtProcessId", Type::String),
    ("EventType", Type::String),
    ("EventUid", Type::String),
    ("EventVendor", Type::String),
    ("InputTokensUsed", Type::Long),
    ("ModelName", Type::String),
    ("ModelProviderName", Type::String),
    ("OutputTokensUsed", Type::Long),
    ("PlatformTargetAgentDescription", Type::String),
    ("PlatformTargetAgentId", Type::String),
    ("PlatformTargetAgentName", Type::String),
    ("PlatformTargetOriginalAgentType", Type::String),
    ("SourceSystem", Type::String),
    ("SrcAgentBlueprintId", Type::String),
    ("SrcAgentDescription", Type::String),
    ("SrcAgentId", Type::String),
    ("SrcAgentName", Type::String),
    ("SrcAgentOriginalType", Type::String),
    ("SrcFQDN", Type::String),
    ("SrcIpAddr", Type::String),
    ("SrcPortNumber", Type::Int),
    ("TargetAgentBlueprintId", Type::String),
    ("TargetAgentDescription", Type::String),
    ("TargetAgentId", Type::String),
    ("TargetAgentName", Type::String),
    ("TargetAgentOriginalType", Type::String),
    ("TargetAgentUserId", Type::String),
    ("TargetAgentUsername", Type::String),
    ("TenantId", Type::String),
    ("ToolDescription", Type::String),
    ("ToolId", Type::String),
    ("ToolName", Type::String),
    ("ToolOriginalType", Type::String),
    ("Type", Type::String),
    ("_BilledSize", Type::Real),
    ("_IsBillable", Type::String),
    ("_ResourceId", Type::String),
    ("_SubscriptionId", Type::String),
];

/// The schema of a known table.
pub fn table(name: &str) -> Option<Schema> {
    Some(Schema::of(match name {
        "OpenAIAuditLogs_CL" | "SentinelOpenAIAuditLogs" => AUDIT_LOGS,
        "ASimAgentEventLogs" => AGENT_EVENT_LOGS,
        _ => return None,
    }))
}

/// A function of the workspace, in KQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Its parameters, in parentheses.
    pub parameters: &'static str,
    /// Its body, in braces.
    pub body: &'static str,
}

/// The functions by which rules read those tables.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "OpenAIAuditLogs",
        parameters: "()",
        body: "{ union isfuzzy=true OpenAIAuditLogs_CL, SentinelOpenAIAuditLogs }",
    },
    Function {
        name: "OpenAIChatCompletions",
        parameters: "()",
        body: "{ ASimAgentEventLogs\n| where EventVendor == 'OpenAI' and EventProduct == 'OpenAI API Platform' and EventType == 'ChatCompletion' }",
    },
];
