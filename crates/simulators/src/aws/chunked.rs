use axum::http::HeaderMap;
use bytes::Bytes;

/// A request body as the client meant it.
#[derive(Debug)]
pub(super) struct Payload {
    pub(super) bytes: Bytes,
    /// The CRC-32 that the client sent, base64, checked against the bytes.
    pub(super) crc32: Option<String>,
}

/// Why a body cannot be taken: S3's code and message.
pub(super) type Rejection = (&'static str, &'static str);

/// Decodes `aws-chunked` framing, where the headers announce it, and verifies what the client
/// said of length and checksum.
pub(super) fn payload(headers: &HeaderMap, body: Bytes) -> Result<Payload, Rejection> {
    let streamed = header(headers, "x-amz-content-sha256")
        .is_some_and(|kind| kind.starts_with("STREAMING-"))
        || header(headers, "content-encoding").is_some_and(|c| c.contains("aws-chunked"));
    let (bytes, trailers) = if streamed {
        decoded(&body).ok_or(("IncompleteBody", "The aws-chunked body is malformed."))?
    } else {
        (body, Vec::new())
    };

    let length = header(headers, "x-amz-decoded-content-length");
    if length.is_some_and(|length| length.parse() != Ok(bytes.len())) {
        return Err((
            "IncompleteBody",
            "The body is not as long as x-amz-decoded-content-length says.",
        ));
    }

    let crc32 = header(headers, "x-amz-checksum-crc32")
        .map(str::to_owned)
        .or_else(|| {
            let trailer = trailers
                .into_iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("x-amz-checksum-crc32"));
            trailer.map(|(_, value)| value)
        });
    if crc32
        .as_ref()
        .is_some_and(|sent| *sent != crc32_base64(&bytes))
    {
        return Err((
            "BadDigest",
            "The CRC32 you specified did not match the calculated checksum.",
        ));
    }
    Ok(Payload { bytes, crc32 })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

type Trailers = Vec<(String, String)>;

fn decoded(body: &[u8]) -> Option<(Bytes, Trailers)> {
    let mut rest = body;
    let mut out = Vec::with_capacity(body.len());
    loop {
        let (line, after) = line(rest)?;
        let size = line.split(';').next()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        rest = after;
        if size == 0 {
            break;
        }
        out.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
    let mut trailers = Vec::new();
    while let Some((line, after)) = line(rest) {
        rest = after;
        if let Some((name, value)) = line.split_once(':') {
            trailers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    Some((out.into(), trailers))
}

fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let line = std::str::from_utf8(&bytes[..end]).ok()?;
    Some((line, &bytes[end + 2..]))
}

/// The CRC-32 of gzip and zip, big-endian, base64: how S3 writes it.
fn crc32_base64(bytes: &[u8]) -> String {
    base64(&crc32(bytes).to_be_bytes())
}

fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    !bytes.iter().fold(!0, |crc: u32, byte| {
        (crc >> 8) ^ TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize]
    })
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut crc = n as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
    }
    table
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .chain([0; 2].iter())
            .take(3)
            .fold(0_u32, |group, byte| (group << 8) | u32::from(*byte));
        for place in 0..4 {
            if place > chunk.len() {
                out.push('=');
            } else {
                let index = (group >> (18 - 6 * place)) & 63;
                out.push(char::from(ALPHABET[index as usize]));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(
            base64(b"any carnal pleasure"),
            "YW55IGNhcm5hbCBwbGVhc3VyZQ=="
        );
        assert_eq!(base64(b"pleasure."), "cGxlYXN1cmUu");
    }

    #[test]
    fn a_chunked_body_is_decoded_and_verified() {
        let mut headers = HeaderMap::new();
        headers.insert("content-encoding", "aws-chunked".parse().unwrap());
        headers.insert("x-amz-decoded-content-length", "9".parse().unwrap());
        let body = b"5\r\n12345\r\n4;chunk-signature=x\r\n6789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n";
        let payload = payload(&headers, Bytes::from_static(body)).unwrap();
        assert_eq!(payload.bytes, "123456789");

        let forged = String::from_utf8(body.to_vec())
            .unwrap()
            .replace("6789", "6780");
        let (code, _) = super::payload(&headers, forged.into()).unwrap_err();
        assert_eq!(code, "BadDigest");
        let (code, _) = super::payload(&headers, Bytes::from_static(b"5\r\n123")).unwrap_err();
        assert_eq!(code, "IncompleteBody");
    }
}
