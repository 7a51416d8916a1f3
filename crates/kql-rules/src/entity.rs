//! Types of entities, their identifiers, and which of those an entity cannot do without.

/// Which identifiers must have a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Required {
    /// At least one of them.
    Any(&'static [&'static str]),
    /// Every one.
    All(&'static [&'static str]),
}

impl Required {
    /// Whether it is met by the identifiers that are there.
    pub fn holds(self, has: impl Fn(&str) -> bool) -> bool {
        match self {
            Required::Any(names) => names.iter().any(|it| has(it)),
            Required::All(names) => names.iter().all(|it| has(it)),
        }
    }

    /// Their names.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Required::Any(names) | Required::All(names) => names,
        }
    }
}

/// A type of entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityType {
    /// As mappings write it.
    pub name: &'static str,
    /// As the `Type` of an entity in `SecurityAlert` has it.
    pub record: &'static str,
    /// Every identifier.
    pub identifiers: &'static [&'static str],
    /// Those it cannot do without.
    pub required: Required,
}

impl EntityType {
    /// The identifier of that name, in any case.
    pub fn identifier(&self, name: &str) -> Option<&'static str> {
        self.identifiers.iter().copied().find(|it| it.eq_ignore_ascii_case(name))
    }
}

/// The type of that name, in any case.
pub fn entity_type(name: &str) -> Option<&'static EntityType> {
    ENTITY_TYPES.iter().find(|it| it.name.eq_ignore_ascii_case(name))
}

/// Names that too many accounts have to tell one from another: an account that is nothing else is dropped.
pub const GENERIC_ACCOUNTS: &[&str] = &[
    "ADMIN",
    "ADMINISTRATOR",
    "SYSTEM",
    "ROOT",
    "ANONYMOUS",
    "AUTHENTICATED USER",
    "NETWORK",
    "NULL",
    "LOCAL SYSTEM",
    "LOCALSYSTEM",
    "NETWORK SERVICE",
];

/// Identifiers that tell an account apart by themselves: with one of them its name may be generic.
pub const STRONG_ACCOUNT: &[&str] =
    &["FullName", "NTDomain", "DnsDomain", "UPNSuffix", "Sid", "AadTenantId", "AadUserId", "PUID", "ObjectGuid"];

const fn kind(
    name: &'static str,
    record: &'static str,
    identifiers: &'static [&'static str],
    required: Required,
) -> EntityType {
    EntityType { name, record, identifiers, required }
}

/// Every type.
pub const ENTITY_TYPES: &[EntityType] = &[
    kind(
        "Account",
        "account",
        &[
            "Name",
            "FullName",
            "NTDomain",
            "DnsDomain",
            "UPNSuffix",
            "Sid",
            "AadTenantId",
            "AadUserId",
            "PUID",
            "IsDomainJoined",
            "DisplayName",
            "ObjectGuid",
        ],
        Required::Any(&["FullName", "Sid", "Name", "AadUserId", "PUID", "ObjectGuid"]),
    ),
    kind(
        "Host",
        "host",
        &[
            "DnsDomain",
            "NTDomain",
            "HostName",
            "FullName",
            "NetBiosName",
            "AzureID",
            "OMSAgentID",
            "OSFamily",
            "OSVersion",
            "IsDomainJoined",
        ],
        Required::Any(&["FullName", "HostName", "NetBiosName", "AzureID", "OMSAgentID"]),
    ),
    kind("IP", "ip", &["Address", "AddressScope"], Required::All(&["Address"])),
    kind("URL", "url", &["Url"], Required::All(&["Url"])),
    kind("AzureResource", "azure-resource", &["ResourceId"], Required::All(&["ResourceId"])),
    kind(
        "CloudApplication",
        "cloud-application",
        &["AppId", "Name", "InstanceName"],
        Required::Any(&["AppId", "Name"]),
    ),
    kind("DNS", "dns", &["DomainName"], Required::All(&["DomainName"])),
    kind("File", "file", &["Directory", "Name"], Required::All(&["Name"])),
    kind("FileHash", "filehash", &["Algorithm", "Value"], Required::All(&["Algorithm", "Value"])),
    kind("Malware", "malware", &["Name", "Category"], Required::All(&["Name"])),
    kind(
        "Process",
        "process",
        &["ProcessId", "CommandLine", "ElevationToken", "CreationTimeUtc"],
        Required::Any(&["CommandLine", "ProcessId"]),
    ),
    kind("RegistryKey", "registry-key", &["Hive", "Key"], Required::Any(&["Hive", "Key"])),
    kind("RegistryValue", "registry-value", &["Name", "Value", "ValueType"], Required::All(&["Name"])),
    kind(
        "SecurityGroup",
        "security-group",
        &["DistinguishedName", "SID", "ObjectGuid"],
        Required::Any(&["DistinguishedName", "SID", "ObjectGuid"]),
    ),
    kind(
        "Mailbox",
        "mailbox",
        &["MailboxPrimaryAddress", "DisplayName", "Upn", "ExternalDirectoryObjectId", "RiskLevel"],
        Required::All(&["MailboxPrimaryAddress"]),
    ),
    kind(
        "MailCluster",
        "mail-cluster",
        &[
            "NetworkMessageIds",
            "CountByDeliveryStatus",
            "CountByThreatType",
            "CountByProtectionStatus",
            "Threats",
            "Query",
            "QueryTime",
            "MailCount",
            "IsVolumeAnomaly",
            "Source",
            "ClusterSourceIdentifier",
            "ClusterSourceType",
            "ClusterQueryStartTime",
            "ClusterQueryEndTime",
            "ClusterGroup",
        ],
        Required::Any(&["Query", "Source"]),
    ),
    kind(
        "MailMessage",
        "mail-message",
        &[
            "Recipient",
            "Urls",
            "Threats",
            "Sender",
            "P1Sender",
            "P1SenderDisplayName",
            "P1SenderDomain",
            "SenderIP",
            "P2Sender",
            "P2SenderDisplayName",
            "P2SenderDomain",
            "ReceivedDate",
            "NetworkMessageId",
            "InternetMessageId",
            "Subject",
            "BodyFingerprintBin1",
            "BodyFingerprintBin2",
            "BodyFingerprintBin3",
            "BodyFingerprintBin4",
            "BodyFingerprintBin5",
            "AntispamDirection",
            "DeliveryAction",
            "DeliveryLocation",
            "Language",
            "ThreatDetectionMethods",
        ],
        Required::Any(&["NetworkMessageId", "Recipient"]),
    ),
    kind(
        "SubmissionMail",
        "SubmissionMail",
        &[
            "NetworkMessageId",
            "Timestamp",
            "Recipient",
            "Sender",
            "SenderIp",
            "Subject",
            "ReportType",
            "SubmissionId",
            "SubmissionDate",
            "Submitter",
        ],
        Required::Any(&["SubmissionId", "NetworkMessageId", "Recipient", "Submitter"]),
    ),
    kind(
        "IoTDevice",
        "iotdevice",
        &[
            "DeviceId",
            "DeviceName",
            "IoTHub",
            "Source",
            "IoTSecurityAgentId",
            "DeviceType",
            "Vendor",
            "EdgeId",
            "MacAddress",
            "Model",
            "SerialNumber",
            "FirmwareVersion",
            "OperatingSystem",
            "IpAddress",
            "Protocols",
            "Importance",
            "PurdueLayer",
            "IsProgramming",
            "IsAuthorized",
            "IsScanner",
        ],
        Required::All(&["DeviceId"]),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_identifiers_are_identifiers() {
        for it in ENTITY_TYPES {
            for name in it.required.names() {
                assert_eq!(it.identifier(name), Some(*name), "{}", it.name);
            }
        }
        let hash = entity_type("filehash").unwrap();
        assert!(!hash.required.holds(|it| it == "Value"));
        assert!(entity_type("Account").unwrap().required.holds(|it| it == "Sid"));
        assert!(entity_type("Person").is_none());
    }
}
