//! Just enough of protobuf's encoding to take the term out of an answer.

/// The field of an answer that is its header.
const HEADER: u64 = 1;

/// The field of a header that is the term.
const TERM: u64 = 4;

/// The message without the term in its header; `None` if it is no message.
pub fn without_term(message: &[u8]) -> Option<Vec<u8>> {
    let mut kept = Vec::new();
    for field in fields(message)? {
        if field.number != HEADER {
            kept.extend_from_slice(field.whole);
            continue;
        }
        let header = fields(field.content)?;
        let header = header.iter().filter(|inner| inner.number != TERM);
        // Framed for the comparison alone: the header's length counted the term.
        kept.push(b'{');
        header.for_each(|inner| kept.extend_from_slice(inner.whole));
        kept.push(b'}');
    }
    Some(kept)
}

/// What the first field of a message holds; `None` if it is no message.
pub fn first_content(message: &[u8]) -> Option<Vec<u8>> {
    fields(message)?.first().map(|field| field.content.to_vec())
}

/// One field of a message.
struct Field<'a> {
    number: u64,
    /// With its tag and length.
    whole: &'a [u8],
    /// Without them; empty for a number.
    content: &'a [u8],
}

fn fields(mut rest: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let (tag, after_tag) = varint(rest)?;
        let (content, after) = match tag & 7 {
            0 => (&after_tag[..0], varint(after_tag)?.1),
            2 => {
                let (length, after_length) = varint(after_tag)?;
                after_length.split_at_checked(usize::try_from(length).ok()?)?
            }
            _ => return None,
        };
        let whole = &rest[..rest.len() - after.len()];
        fields.push(Field { number: tag >> 3, whole, content });
        rest = after;
    }
    Some(fields)
}

/// A number in groups of seven bits, the least first, and what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (place, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

#[test]
fn only_the_term_of_the_header_goes() {
    // header {3: 7, 4: 2}, 2: "ab", 4: 300
    let answer = b"\x0a\x04\x18\x07\x20\x02\x12\x02ab\x20\xac\x02";
    assert_eq!(
        without_term(answer).as_deref(),
        Some(b"{\x18\x07}\x12\x02ab\x20\xac\x02".as_slice())
    );
    assert_eq!(first_content(answer).as_deref(), Some(b"\x18\x07\x20\x02".as_slice()));
    assert_eq!(without_term(b"").as_deref(), Some(b"".as_slice()));
    assert_eq!(without_term(b"Error: no message"), None);
    assert_eq!(without_term(b"\x0a\x09\x18"), None, "cut off");
}
