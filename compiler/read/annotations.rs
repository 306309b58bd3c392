//! Annotations in text, `(@name …)`: where the first one is. Only for refusing them: the parser of text reads those it
//! knows and skips the others.

/// Offset of the first annotation outside of strings and comments.
pub fn first_annotation(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut comments) = (0, 0);
    while at < bytes.len() {
        at += match (bytes[at], bytes.get(at + 1)) {
            (b'(', Some(b';')) => {
                comments += 1;
                2
            }
            (b';', Some(b')')) if comments > 0 => {
                comments -= 1;
                2
            }
            _ if comments > 0 => 1,
            (b';', Some(b';')) => bytes[at..].iter().take_while(|&&byte| byte != b'\n').count(),
            (b'"', _) => string_length(&bytes[at..]),
            (b'(', Some(b'@')) => return Some(at),
            _ => 1,
        }
    }
    None
}

/// Of a string with its quotes.
fn string_length(bytes: &[u8]) -> usize {
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

#[cfg(test)]
mod tests {
    use super::first_annotation;

    #[test]
    fn strings_and_comments_hold_none() {
        for text in
            ["(module)", "\"(@a)\"", "\"\\\"(@a)\"", ";; (@a)\n", "(; (; ;) (@a) ;)", "(", "\"", ";;", "(;", "\"\\"]
        {
            assert_eq!(first_annotation(text), None, "{text}");
        }
        for text in ["(@a)", ";; (\n (@a)", "(; ;) (@a)", "\"\\\\\" (@a)"] {
            assert_eq!(first_annotation(text), text.rfind("(@"), "{text}");
        }
    }
}
