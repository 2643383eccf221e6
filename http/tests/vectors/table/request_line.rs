//! Request lines and the line ends of the whole head (RFC 9112 §2, §3).

super::table! {
    a_plain_request_is_served, "RFC 9112 §3":
        raw "GET / HTTP/1.1\r\nHost: h\r\n\r\n" => ["GET / "] Waits;
    a_request_without_its_last_line_end_waits, "RFC 9112 §2.1":
        raw "GET / HTTP/1.1\r\nHost: h\r\n" => [] Partial;

    // Methods (RFC 9110 §9.1)
    a_method_no_rfc_knows_is_still_a_token, "RFC 9110 §9.1":
        start "M-SEARCH!#$%&'*+.^_`|~09 / HTTP/1.1" => ["M-SEARCH!#$%&'*+.^_`|~09 / "] Waits;
    a_method_in_lower_case_is_another_method, "RFC 9110 §9.1":
        start "get / HTTP/1.1" => ["get / "] Waits;
    a_method_with_a_delimiter_is_refused, "RFC 9110 §5.6.2":
        start "G(T / HTTP/1.1" => [] Refuses(E::RequestLine);
    a_method_with_a_colon_is_refused, "RFC 9110 §5.6.2":
        start "GET: / HTTP/1.1" => [] Refuses(E::RequestLine);
    a_method_beyond_ascii_is_refused, "RFC 9110 §5.6.2":
        start "G\u{e9}T / HTTP/1.1" => [] Refuses(E::RequestLine);
    a_missing_method_is_refused, "RFC 9112 §3":
        start "/ HTTP/1.1" => [] Refuses(E::RequestLine);
    an_empty_method_is_refused, "RFC 9112 §3":
        start " / HTTP/1.1" => [] Refuses(E::RequestLine);

    // Three parts, two spaces (RFC 9112 §3)
    a_method_alone_is_refused, "RFC 9112 §3":
        start "GET" => [] Refuses(E::RequestLine);
    a_request_line_of_http_0_9_is_refused, "RFC 9112 §3":
        start "GET /" => [] Refuses(E::RequestLine);
    an_empty_version_is_refused, "RFC 9112 §3":
        start "GET / " => [] Refuses(E::RequestLine);
    a_missing_target_is_refused, "RFC 9112 §3":
        start "GET HTTP/1.1" => [] Refuses(E::RequestLine);
    an_empty_target_is_refused, "RFC 9112 §3":
        start "GET  HTTP/1.1" => [] Refuses(E::RequestLine);
    two_spaces_before_the_target_are_refused, "RFC 9112 §3":
        start "GET  / HTTP/1.1" => [] Refuses(E::RequestLine);
    two_spaces_after_the_target_are_refused, "RFC 9112 §3":
        start "GET /  HTTP/1.1" => [] Refuses(E::RequestLine);
    a_space_after_the_version_is_refused, "RFC 9112 §3":
        start "GET / HTTP/1.1 " => [] Refuses(E::RequestLine);
    a_space_before_the_method_is_refused, "RFC 9112 §3":
        start " GET / HTTP/1.1" => [] Refuses(E::RequestLine);
    a_tab_after_the_method_is_refused, "RFC 9112 §3":
        start "GET\t/ HTTP/1.1" => [] Refuses(E::RequestLine);
    a_tab_after_the_target_is_refused, "RFC 9112 §3":
        start "GET /\tHTTP/1.1" => [] Refuses(E::RequestLine);
    a_space_inside_the_target_is_refused, "RFC 9112 §3.2":
        start "GET /a b HTTP/1.1" => [] Refuses(E::RequestLine);
    a_status_line_is_refused, "RFC 9112 §3":
        start "HTTP/1.1 200 OK" => [] Refuses(E::RequestLine);

    // Versions (RFC 9112 §2.3)
    a_version_in_lower_case_is_refused, "RFC 9112 §2.3":
        start "GET / http/1.1" => [] Refuses(E::RequestLine);
    a_version_without_a_minor_number_is_refused, "RFC 9112 §2.3":
        start "GET / HTTP/1" => [] Refuses(E::RequestLine);
    a_version_with_an_empty_minor_number_is_refused, "RFC 9112 §2.3":
        start "GET / HTTP/1." => [] Refuses(E::RequestLine);
    a_version_with_two_minor_digits_is_refused, "RFC 9112 §2.3":
        start "GET / HTTP/1.10" => [] Refuses(E::RequestLine);
    a_version_with_two_major_digits_is_refused, "RFC 9112 §2.3":
        start "GET / HTTP/11.1" => [] Refuses(E::RequestLine);
    a_version_with_a_sign_is_refused, "RFC 9112 §2.3":
        start "GET / HTTP/+1.1" => [] Refuses(E::RequestLine);
    a_version_of_another_protocol_is_refused, "RFC 9112 §2.3":
        start "GET / RTSP/1.0" => [] Refuses(E::RequestLine);
    a_later_version_with_junk_behind_it_is_refused_as_junk, "RFC 9112 §3":
        start "GET / HTTP/2.0 x" => [] Refuses(E::RequestLine);
    a_later_version_with_a_malformed_method_is_refused_as_malformed, "RFC 9112 §3":
        start "G:T / HTTP/2.0" => [] Refuses(E::RequestLine);
    pri_http_2_0_gets_an_answer_and_a_close, "RFC 9113 §3.4, RFC 9110 §15.6.6":
        raw "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" => [] Refuses(E::Version);
    http_2_0_is_refused_with_505, "RFC 9110 §15.6.6":
        start "GET / HTTP/2.0" => [] Refuses(E::Version);
    http_0_9_said_as_a_version_is_refused_with_505, "RFC 9110 §15.6.6":
        raw "GET / HTTP/0.9\r\n\r\n" => [] Refuses(E::Version);
    http_1_2_is_refused_with_505, "RFC 9110 §15.6.6":
        start "GET / HTTP/1.2" => [] Refuses(E::Version);

    // Line ends (RFC 9112 §2.2)
    one_empty_line_before_a_request_is_forgiven, "RFC 9112 §2.2":
        raw "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n\r\n"
            => ["GET / ", "GET /2 "] Waits;
    two_empty_lines_before_a_request_are_refused, "RFC 9112 §2.2":
        raw "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n" => [] Refuses(E::RequestLine);
    a_bare_lf_before_the_request_line_is_refused, "RFC 9112 §2.2":
        raw "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n" => [] Refuses(E::LineEnd);
    a_bare_lf_after_the_request_line_is_refused, "RFC 9112 §2.2":
        raw "GET / HTTP/1.1\nHost: h\r\n\r\n" => [] Refuses(E::LineEnd);
    a_bare_lf_after_a_field_is_refused, "RFC 9112 §2.2":
        raw "GET / HTTP/1.1\r\nHost: h\n\r\n" => [] Refuses(E::LineEnd);
    a_bare_lf_as_the_empty_line_is_refused, "RFC 9112 §2.2":
        raw "GET / HTTP/1.1\r\nHost: h\r\n\n" => [] Refuses(E::LineEnd);
    a_bare_lf_inside_a_value_is_refused, "RFC 9112 §2.2":
        field "A: b\nContent-Length: 5" => [] Refuses(E::LineEnd);
    a_bare_cr_before_the_request_line_is_refused, "RFC 9112 §2.2":
        raw "\rGET / HTTP/1.1\r\nHost: h\r\n\r\n" => [] Refuses(E::LineEnd);
    a_bare_cr_in_the_request_line_is_refused, "RFC 9112 §2.2":
        start "GET /\r HTTP/1.1" => [] Refuses(E::LineEnd);
    a_second_cr_at_a_line_end_is_refused, "RFC 9112 §2.2":
        start "GET / HTTP/1.1\r" => [] Refuses(E::LineEnd);
    a_bare_cr_inside_a_value_is_refused, "RFC 9112 §2.2":
        field "A: b\rContent-Length: 5" => [] Refuses(E::LineEnd);
    a_second_cr_at_the_empty_line_is_refused, "RFC 9112 §2.2":
        raw "GET / HTTP/1.1\r\nHost: h\r\n\r\r\n" => [] Refuses(E::LineEnd);

    // Control bytes (RFC 9110 §5.5)
    nul_in_the_method_is_refused, "RFC 9110 §5.6.2":
        start "G\0T / HTTP/1.1" => [] Refuses(E::ControlByte);
    nul_in_the_target_is_refused, "RFC 9112 §3.2":
        start "GET /\0 HTTP/1.1" => [] Refuses(E::ControlByte);
    nul_in_a_field_name_is_refused, "RFC 9110 §5.1":
        field "A\0: b" => [] Refuses(E::ControlByte);
    nul_in_a_field_value_is_refused, "RFC 9110 §5.5":
        field "A: b\0c" => [] Refuses(E::ControlByte);
    another_control_byte_in_a_field_value_is_refused, "RFC 9110 §5.5":
        field "A: b\u{b}c" => [] Refuses(E::ControlByte);
    del_in_a_field_value_is_refused, "RFC 9110 §5.5":
        field "A: b\u{7f}c" => [] Refuses(E::ControlByte);
    a_tls_handshake_is_refused_at_its_first_byte, "RFC 9112 §2.2":
        raw "\u{16}\u{3}\u{1}\u{2}\0\u{1}" => [] Refuses(E::ControlByte);
}
