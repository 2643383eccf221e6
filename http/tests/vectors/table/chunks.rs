//! Chunked bodies: sizes, extensions, data, trailers (RFC 9112 §7.1).

super::table! {
    chunks_are_joined, "RFC 9112 §7.1":
        chunks "5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n" => ["POST / hello world"] Waits;
    no_chunk_is_an_empty_body, "RFC 9112 §7.1":
        chunks "0\r\n\r\n" => ["POST / "] Waits;
    the_byte_after_the_last_chunk_is_the_next_request, "RFC 9112 §7.1":
        chunks "1\r\na\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n" => ["POST / a", "GET /2 "] Waits;
    chunk_sizes_are_hexadecimal_in_any_case, "RFC 9112 §7.1":
        chunks "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n"
            => ["POST / 01234567890123456789a"] Waits;
    chunk_sizes_may_have_leading_zeros, "RFC 9112 §7.1":
        chunks "0000000000000001\r\na\r\n0000\r\n\r\n" => ["POST / a"] Waits;
    chunk_data_may_look_like_chunk_frames, "RFC 9112 §7.1":
        chunks "7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n" => ["POST / 0\\r\\n\\r\\n\\r\\n"] Waits;
    a_body_without_its_last_chunk_waits, "RFC 9112 §7.1":
        chunks "1\r\na\r\n" => ["POST / a..."] Partial;
    a_last_chunk_without_its_empty_line_waits, "RFC 9112 §7.1":
        chunks "1\r\na\r\n0\r\n" => ["POST / a..."] Partial;

    // Sizes
    a_missing_chunk_size_is_refused, "RFC 9112 §7.1":
        chunks "\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_chunk_size_with_a_minus_sign_is_refused, "RFC 9112 §7.1":
        chunks "-1\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_chunk_size_with_a_plus_sign_is_refused, "RFC 9112 §7.1":
        chunks "+1\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_chunk_size_with_a_prefix_is_refused, "RFC 9112 §7.1":
        chunks "0x1\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_space_before_a_chunk_size_is_refused, "RFC 9112 §7.1":
        chunks " 1\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_space_after_a_chunk_size_is_refused, "RFC 9112 §7.1":
        chunks "1 \r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_tab_after_a_chunk_size_is_refused, "RFC 9112 §7.1":
        chunks "1\t\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_letter_for_a_chunk_size_is_refused, "RFC 9112 §7.1":
        chunks "g\r\n" => ["POST / ..."] Refuses(E::Chunk);
    junk_after_a_chunk_size_is_refused, "RFC 9112 §7.1":
        chunks "1g\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    junk_after_a_chunk_size_and_a_space_is_refused, "RFC 9112 §7.1":
        chunks "1 a\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_chunk_size_with_an_underscore_is_refused, "RFC 9112 §7.1":
        chunks "1_0\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_chunk_size_with_a_point_is_refused, "RFC 9112 §7.1":
        chunks "1.\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_chunk_size_in_digits_beyond_ascii_is_refused, "RFC 9112 §7.1":
        chunks "\u{661}\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    an_extension_without_a_chunk_size_is_refused, "RFC 9112 §7.1":
        chunks ";a\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_chunk_size_of_64_bits_is_beyond_the_limit, "RFC 9110 §15.5.14":
        chunks "ffffffffffffffff\r\n" => ["POST / ..."] Refuses(E::BodyTooLarge);
    a_chunk_size_of_65_bits_is_not_taken_for_a_shorter_one, "RFC 9112 §7.1":
        chunks "10000000000000001\r\na\r\n0\r\n\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_chunk_size_of_more_than_16_digits_is_refused_though_they_are_zeros, "RFC 9112 §7.1":
        chunks "00000000000000001\r\na\r\n0\r\n\r\n" => ["POST / ..."] Refuses(E::Chunk);
    chunk_sizes_that_overflow_together_are_too_large, "RFC 9112 §7.1":
        chunks "1\r\na\r\nffffffffffffffff\r\n" => ["POST / a..."] Refuses(E::BodyTooLarge);

    // Extensions (§7.1.1)
    an_extension_is_ignored, "RFC 9112 §7.1.1":
        chunks "1;a\r\nx\r\n0;b=c\r\n\r\n" => ["POST / x"] Waits;
    extensions_with_white_space_and_quotes_are_ignored, "RFC 9112 §7.1.1":
        chunks "1 \t; b = \"q;\\\"\r\" ;c=d;e\r\nx\r\n0\r\n\r\n" => ["POST / ..."] Refuses(E::Chunk);
    quoted_extensions_may_hold_semicolons_and_escapes, "RFC 9112 §7.1.1":
        chunks "1 \t; b = \"q;\\\"\" ;c=d;e\r\nx\r\n0\r\n\r\n" => ["POST / x"] Waits;
    an_extension_without_a_name_is_refused, "RFC 9112 §7.1.1":
        chunks "1;\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    an_extension_of_a_space_is_refused, "RFC 9112 §7.1.1":
        chunks "1; \r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    an_empty_extension_before_another_is_refused, "RFC 9112 §7.1.1":
        chunks "1;;a\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    an_extension_with_a_value_and_no_name_is_refused, "RFC 9112 §7.1.1":
        chunks "1;=b\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    an_extension_with_an_empty_value_is_refused, "RFC 9112 §7.1.1":
        chunks "1;a=\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    an_extension_with_two_values_is_refused, "RFC 9112 §7.1.1":
        chunks "1;a=b=c\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    an_extension_of_two_words_is_refused, "RFC 9112 §7.1.1":
        chunks "1;a b\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_space_after_an_extension_is_refused, "RFC 9112 §7.1.1":
        chunks "1;a \r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_space_after_an_extensions_value_is_refused, "RFC 9112 §7.1.1":
        chunks "1;a=b \r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    an_extension_with_an_open_quote_is_refused, "RFC 9112 §7.1.1":
        chunks "1;a=\"b\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    an_extension_that_goes_on_after_its_quote_is_refused, "RFC 9112 §7.1.1":
        chunks "1;a=\"b\"c\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    an_escaped_line_end_in_an_extension_is_refused, "RFC 9110 §5.6.4":
        chunks "1;a=\"b\\\r\n\"\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    nul_in_an_extension_is_refused, "RFC 9112 §7.1.1":
        chunks "1;a\0\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_control_byte_in_a_quoted_extension_is_refused, "RFC 9110 §5.6.4":
        chunks "1;a=\"\u{1}\"\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);

    // Line ends and the ends of data
    a_bare_lf_after_a_chunk_size_is_refused, "RFC 9112 §2.2":
        chunks "1\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_bare_cr_after_a_chunk_size_is_refused, "RFC 9112 §2.2":
        chunks "1\ra\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_bare_lf_after_an_extension_is_refused, "RFC 9112 §2.2":
        chunks "1;a\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_bare_cr_in_an_extension_is_refused, "RFC 9112 §2.2":
        chunks "1;a\rb\r\na\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_bare_lf_after_chunk_data_is_refused, "RFC 9112 §2.2":
        chunks "1\r\na\n0\r\n\r\n" => ["POST / a..."] Refuses(E::Chunk);
    a_bare_cr_after_chunk_data_is_refused, "RFC 9112 §2.2":
        chunks "1\r\na\rb" => ["POST / a..."] Refuses(E::Chunk);
    data_longer_than_its_chunk_size_is_refused, "RFC 9112 §7.1":
        chunks "1\r\nab\r\n" => ["POST / a..."] Refuses(E::Chunk);
    a_chunk_size_right_after_data_is_refused, "RFC 9112 §7.1":
        chunks "1\r\na0\r\n\r\n" => ["POST / a..."] Refuses(E::Chunk);
    a_bare_lf_for_the_last_line_is_refused, "RFC 9112 §2.2":
        chunks "0\r\n\n" => ["POST / ..."] Refuses(E::Chunk);
    a_bare_cr_in_the_last_line_is_refused, "RFC 9112 §2.2":
        chunks "0\r\n\ra" => ["POST / ..."] Refuses(E::Chunk);

    // Trailers (§7.1.2)
    trailers_are_dropped, "RFC 9112 §7.1.2":
        chunks "1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n" => ["POST / x"] Waits;
    trailers_change_no_framing, "RFC 9110 §6.5.1":
        chunks "0\r\nContent-Length: 9\r\nTransfer-Encoding: gzip\r\nHost: i\r\n\r\n\
                GET /2 HTTP/1.1\r\nHost: h\r\n\r\n"
            => ["POST / ", "GET /2 "] Waits;
    a_trailer_without_a_name_is_refused, "RFC 9112 §5":
        chunks "0\r\n:a\r\n\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_trailer_without_a_colon_is_refused, "RFC 9112 §5":
        chunks "0\r\nA\r\n\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_space_before_a_trailer_is_refused, "RFC 9112 §5.2":
        chunks "0\r\n A: b\r\n\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_space_before_the_colon_of_a_trailer_is_refused, "RFC 9112 §5.1":
        chunks "0\r\nA : b\r\n\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_folded_trailer_is_refused, "RFC 9112 §5.2":
        chunks "0\r\nA: b\r\n c\r\n\r\n" => ["POST / ..."] Refuses(E::Chunk);
    nul_in_a_trailer_is_refused, "RFC 9110 §5.5":
        chunks "0\r\nA: \0\r\n\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_bare_lf_after_a_trailer_is_refused, "RFC 9112 §2.2":
        chunks "0\r\nA: b\n\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_bare_cr_in_a_trailer_is_refused, "RFC 9112 §2.2":
        chunks "0\r\nA: b\rc\r\n\r\n" => ["POST / ..."] Refuses(E::Chunk);
    a_request_in_place_of_trailers_is_refused, "RFC 9112 §7.1.2":
        chunks "0\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n" => ["POST / ..."] Refuses(E::Chunk);
}
