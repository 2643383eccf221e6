//! Requests that are measured, here and where whole servers are.
#![allow(dead_code, reason = "not everybody who measures uses all of them")]

/// Of a client that says no more than it must.
pub(crate) const SMALL: &str = "GET /plaintext HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Of a browser: 15 fields, most of which no handler looks at.
pub(crate) const BROWSER: &str = "GET /plaintext HTTP/1.1\r\n\
     Host: localhost\r\n\
     Connection: keep-alive\r\n\
     sec-ch-ua: \"Chromium\";v=\"142\", \"Not?A_Brand\";v=\"24\"\r\n\
     sec-ch-ua-mobile: ?0\r\n\
     sec-ch-ua-platform: \"Linux\"\r\n\
     Upgrade-Insecure-Requests: 1\r\n\
     User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n\
     Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
     Sec-Fetch-Site: none\r\n\
     Sec-Fetch-Mode: navigate\r\n\
     Sec-Fetch-User: ?1\r\n\
     Sec-Fetch-Dest: document\r\n\
     Accept-Encoding: gzip, deflate, br, zstd\r\n\
     Accept-Language: en-GB,en;q=0.9\r\n\
     Cookie: session=0123456789abcdef; theme=dark\r\n\r\n";
