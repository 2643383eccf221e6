//! How long a body is: Content-Length and Transfer-Encoding (RFC 9112 §6, RFC 9110 §8.6).

super::table! {
    a_request_without_either_has_no_body, "RFC 9112 §6.3":
        raw "POST / HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"
            => ["POST / ", "GET /2 "] Waits;
    a_length_of_digits_is_a_length, "RFC 9110 §8.6":
        raw "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" => ["POST / hello"] Waits;
    a_get_may_have_a_body, "RFC 9110 §9.3.1":
        raw "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" => ["GET / hello"] Waits;
    a_head_may_have_a_body, "RFC 9110 §9.3.2":
        raw "HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" => ["HEAD / hello"] Waits;
    a_length_with_leading_zeros_is_decimal, "RFC 9110 §8.6":
        raw "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0000000000000000000000005\r\n\r\nhello"
            => ["POST / hello"] Waits;
    a_length_of_zero_is_no_body, "RFC 9110 §8.6":
        field "Content-Length: 0" => ["POST / "] Waits;
    a_body_shorter_than_its_length_waits, "RFC 9112 §6.3":
        raw "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell" => ["POST / hell..."] Partial;
    the_byte_after_the_body_is_the_next_request, "RFC 9112 §6.3":
        raw "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nhello / HTTP/1.1\r\nHost: h\r\n\r\n"
            => ["POST / hell", "o / "] Waits;
    a_body_may_hold_any_byte, "RFC 9112 §6":
        raw "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\n\0\r\n\r\n\n\r\u{7f}"
            => ["POST / \\x00\\r\\n\\r\\n\\n\\r\\x7f"] Waits;
    a_length_in_1_0_is_a_length, "RFC 9112 §6.3":
        raw "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello" => ["POST / hello"] Closes;

    an_empty_content_length_is_refused, "RFC 9110 §8.6":
        field "Content-Length:" => [] Refuses(E::ContentLength);
    content_length_plus_5_is_refused, "RFC 9110 §8.6":
        field "Content-Length: +5" => [] Refuses(E::ContentLength);
    content_length_minus_5_is_refused, "RFC 9110 §8.6":
        field "Content-Length: -5" => [] Refuses(E::ContentLength);
    content_length_minus_0_is_refused, "RFC 9110 §8.6":
        field "Content-Length: -0" => [] Refuses(E::ContentLength);
    content_length_5_comma_5_is_refused, "RFC 9110 §8.6: may be rejected":
        field "Content-Length: 5, 5" => [] Refuses(E::ContentLength);
    content_length_5_comma_6_is_refused, "RFC 9112 §6.3":
        field "Content-Length: 5, 6" => [] Refuses(E::ContentLength);
    content_length_5_comma_is_refused, "RFC 9110 §8.6: may be rejected":
        field "Content-Length: 5," => [] Refuses(E::ContentLength);
    content_length_5_space_5_is_refused, "RFC 9110 §8.6":
        field "Content-Length: 5 5" => [] Refuses(E::ContentLength);
    content_length_5_space_is_5, "RFC 9112 §5.1":
        raw "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5 \r\n\r\nhello" => ["POST / hello"] Waits;
    content_length_in_hex_is_refused, "RFC 9110 §8.6":
        field "Content-Length: 0x5" => [] Refuses(E::ContentLength);
    content_length_with_a_fraction_is_refused, "RFC 9110 §8.6":
        field "Content-Length: 5." => [] Refuses(E::ContentLength);
    content_length_with_an_exponent_is_refused, "RFC 9110 §8.6":
        field "Content-Length: 5e0" => [] Refuses(E::ContentLength);
    content_length_with_an_underscore_is_refused, "RFC 9110 §8.6":
        field "Content-Length: 5_0" => [] Refuses(E::ContentLength);
    content_length_in_quotes_is_refused, "RFC 9110 §8.6":
        field "Content-Length: \"5\"" => [] Refuses(E::ContentLength);
    content_length_in_letters_is_refused, "RFC 9110 §8.6":
        field "Content-Length: five" => [] Refuses(E::ContentLength);
    content_length_in_digits_beyond_ascii_is_refused, "RFC 9110 §8.6":
        field "Content-Length: \u{665}" => [] Refuses(E::ContentLength);
    content_length_said_twice_is_refused, "RFC 9110 §8.6: may be rejected":
        field "Content-Length: 5\r\nContent-Length: 5" => [] Refuses(E::ContentLength);
    content_length_of_zero_said_twice_is_refused, "RFC 9110 §8.6: may be rejected":
        field "Content-Length: 0\r\nContent-Length: 0" => [] Refuses(E::ContentLength);
    two_content_lengths_that_differ_are_refused, "RFC 9112 §6.3":
        field "Content-Length: 5\r\ncontent-length: 6" => [] Refuses(E::ContentLength);
    a_length_of_64_bits_is_beyond_the_limit, "RFC 9110 §15.5.14":
        field "Content-Length: 18446744073709551615" => ["POST / ..."] Refuses(E::BodyTooLarge);
    a_length_of_65_bits_is_not_taken_for_a_shorter_one, "RFC 9110 §8.6":
        field "Content-Length: 18446744073709551616" => [] Refuses(E::BodyTooLarge);
    a_length_of_many_digits_is_not_taken_for_a_shorter_one, "RFC 9110 §8.6":
        field "Content-Length: 99999999999999999999999999999999" => [] Refuses(E::BodyTooLarge);

    content_length_and_transfer_encoding_together_are_refused, "RFC 9112 §6.1":
        field "Content-Length: 5\r\nTransfer-Encoding: chunked" => [] Refuses(E::LengthConflict);
    transfer_encoding_and_content_length_together_are_refused, "RFC 9112 §6.1":
        field "Transfer-Encoding: chunked\r\nContent-Length: 5" => [] Refuses(E::LengthConflict);
    an_unknown_coding_and_a_length_together_are_refused, "RFC 9112 §6.1":
        field "Transfer-Encoding: gzip\r\nContent-Length: 0" => [] Refuses(E::LengthConflict);

    chunked_is_a_coding_in_any_case, "RFC 9112 §7":
        raw "POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: \tCHUNKED \r\n\r\n0\r\n\r\n"
            => ["POST / "] Waits;
    an_empty_transfer_encoding_is_refused, "RFC 9112 §6.1":
        field "Transfer-Encoding:" => [] Refuses(E::TransferEncoding);
    an_empty_coding_after_chunked_is_refused, "RFC 9110 §5.6.1.2, more strictly":
        field "Transfer-Encoding: chunked," => [] Refuses(E::TransferEncoding);
    an_empty_coding_before_chunked_is_refused, "RFC 9110 §5.6.1.2, more strictly":
        field "Transfer-Encoding: ,chunked" => [] Refuses(E::TransferEncoding);
    chunked_twice_is_refused, "RFC 9112 §6.1":
        field "Transfer-Encoding: chunked, chunked" => [] Refuses(E::TransferEncoding);
    chunked_on_two_lines_is_refused, "RFC 9112 §6.1":
        field "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked" => [] Refuses(E::TransferEncoding);
    chunked_twice_after_another_coding_is_refused, "RFC 9112 §6.1":
        field "Transfer-Encoding: gzip, chunked, chunked" => [] Refuses(E::TransferEncoding);
    chunked_that_is_not_last_is_refused, "RFC 9112 §6.3":
        field "Transfer-Encoding: chunked, gzip" => [] Refuses(E::TransferEncoding);
    identity_after_chunked_is_refused, "RFC 9112 §6.3":
        field "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity" => [] Refuses(E::TransferEncoding);
    chunked_with_a_parameter_is_refused, "RFC 9112 §7.1":
        field "Transfer-Encoding: chunked;a=b" => [] Refuses(E::TransferEncoding);
    chunked_in_quotes_is_refused, "RFC 9112 §7":
        field "Transfer-Encoding: \"chunked\"" => [] Refuses(E::TransferEncoding);
    chunked_in_brackets_is_refused, "RFC 9112 §7":
        field "Transfer-Encoding: [chunked]" => [] Refuses(E::TransferEncoding);
    chunked_with_a_space_in_it_is_refused, "RFC 9112 §7":
        field "Transfer-Encoding: chun ked" => [] Refuses(E::TransferEncoding);
    chunked_with_a_byte_beyond_ascii_is_refused, "RFC 9112 §7":
        field "Transfer-Encoding: chunked\u{e9}" => [] Refuses(E::TransferEncoding);
    chunked_after_a_vertical_tab_is_refused, "RFC 9110 §5.5":
        field "Transfer-Encoding: \u{b}chunked" => [] Refuses(E::ControlByte);
    chunked_in_1_0_is_refused, "RFC 9112 §6.1":
        raw "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            => [] Refuses(E::TransferEncoding);
    any_coding_in_1_0_is_refused, "RFC 9112 §6.1":
        raw "POST / HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\n" => [] Refuses(E::TransferEncoding);
    an_unknown_coding_alone_is_refused_with_501, "RFC 9112 §6.1":
        field "Transfer-Encoding: gzip" => [] Refuses(E::TransferCoding);
    an_unknown_coding_before_chunked_is_refused_with_501, "RFC 9112 §6.1":
        field "Transfer-Encoding: gzip, chunked" => [] Refuses(E::TransferCoding);
    an_unknown_coding_on_a_line_before_chunked_is_refused_with_501, "RFC 9112 §6.1":
        field "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked" => [] Refuses(E::TransferCoding);
    an_unknown_coding_with_parameters_is_refused_with_501, "RFC 9112 §7":
        field "Transfer-Encoding: a;b=c, chunked" => [] Refuses(E::TransferCoding);
    identity_is_refused_with_501, "RFC 9112 §7":
        field "Transfer-Encoding: identity" => [] Refuses(E::TransferCoding);
    a_coding_that_only_resembles_chunked_is_refused_with_501, "RFC 9112 §6.1":
        field "Transfer-Encoding: xchunked" => [] Refuses(E::TransferCoding);
}
