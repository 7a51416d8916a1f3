//! File paths of Windows and Unix.

use super::bag_of;
use kql_data::Dynamic;

crate::functions! {
    /// The parts of a file path: Scheme, RootPath, DirectoryPath, DirectoryName, Filename, Extension and
    /// AlternateDataStreamName.
    ///
    ///     parse_path(@"C:\temp\file.txt").DirectoryName => "temp"
    ///     parse_path("file://C:/temp/file.txt:some.exe").AlternateDataStreamName => "some.exe"
    ///     parse_path(@"\\shared\users\temp\file.txt.gz").Extension => "gz"
    fn parse_path(path: string) -> dynamic { parts(path) }
}

const SEPARATORS: [char; 2] = ['/', '\\'];

/// Bytes of the root at the beginning: `C:\`.
fn root_len(path: &str) -> usize {
    let bytes = path.as_bytes();
    match bytes {
        [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic() => 3,
        [drive, b':', ..] if drive.is_ascii_alphabetic() => 2,
        _ => 0,
    }
}

fn parts(path: &str) -> Dynamic {
    let (scheme, rest) = match path.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(SEPARATORS) => (scheme, rest),
        _ => ("", path),
    };
    // A long path, \\?\C:\…, has its root behind the marker.
    let marker = if rest.starts_with(r"\\?\") { 4 } else { 0 };
    let root_end = marker + root_len(rest.get(marker..).unwrap_or(""));
    let root = rest.get(marker..root_end).unwrap_or("");
    let name_start = rest.rfind(SEPARATORS).map_or(0, |it| it + 1).max(root_end);
    let (directory, name) = rest.split_at_checked(name_start).unwrap_or(("", rest));
    let directory = if name_start == root_end { directory } else { directory.trim_end_matches(SEPARATORS) };
    let (filename, stream) = name.split_once(':').unwrap_or((name, ""));
    let directory_name = match directory.rfind(SEPARATORS) {
        Some(at) => directory.get(at + 1..).unwrap_or(""),
        None => directory.get(root_end..).unwrap_or(""),
    };
    let extension = filename.rsplit_once('.').map_or("", |(_, extension)| extension);
    Dynamic::bag(bag_of([
        ("Scheme", scheme),
        ("RootPath", root),
        ("DirectoryPath", directory),
        ("DirectoryName", directory_name),
        ("Filename", filename),
        ("Extension", extension),
        ("AlternateDataStreamName", stream),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(path: &str) -> String {
        let parts = parts(path);
        parts.as_bag().unwrap().values().map(Dynamic::text).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn paths() {
        assert_eq!(parsed(r"C:\temp\file.txt"), r"|C:\|C:\temp|temp|file.txt|txt|");
        assert_eq!(parsed(r"temp\file.txt"), "||temp|temp|file.txt|txt|");
        assert_eq!(parsed("file://C:/temp/file.txt:some.exe"), "file|C:/|C:/temp|temp|file.txt|txt|some.exe");
        assert_eq!(parsed(r"\\shared\users\temp\file.txt.gz"), r"||\\shared\users\temp|temp|file.txt.gz|gz|");
        assert_eq!(parsed("/usr/lib/temp/file.txt"), "||/usr/lib/temp|temp|file.txt|txt|");
        assert_eq!(parsed(r"\\?\C:\temp\file"), r"|C:\|\\?\C:\temp|temp|file||");
        assert_eq!(parsed(r"C:\file.txt"), r"|C:\|C:\||file.txt|txt|");
        assert_eq!(parsed("file"), "||||file||");
        assert_eq!(parsed(""), "||||||");
        assert_eq!(parsed("é/ž.ť"), "||é|é|ž.ť|ť|");
    }
}
