//! The Host field (RFC 9112 §3.2, RFC 9110 §7.2).

super::table! {
    a_missing_host_is_refused_in_1_1, "RFC 9112 §3.2":
        raw "GET / HTTP/1.1\r\n\r\n" => [] Refuses(E::Host);
    a_missing_host_is_refused_beside_an_absolute_form_too, "RFC 9112 §3.2":
        raw "GET http://h/ HTTP/1.1\r\n\r\n" => [] Refuses(E::Host);
    a_missing_host_is_fine_in_1_0, "RFC 9112 §3.2":
        raw "GET / HTTP/1.0\r\n\r\n" => ["GET / "] Closes;
    a_repeated_host_is_refused, "RFC 9112 §3.2":
        field "Host: h" => [] Refuses(E::Host);
    another_host_is_refused, "RFC 9112 §3.2":
        field "host: i" => [] Refuses(E::Host);
    an_empty_second_host_is_refused, "RFC 9112 §3.2":
        field "HOST:" => [] Refuses(E::Host);
    a_repeated_host_is_refused_in_1_0_too, "RFC 9112 §3.2":
        raw "GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n" => [] Refuses(E::Host);
    a_malformed_host_is_refused_in_1_0_too, "RFC 9112 §3.2":
        raw "GET / HTTP/1.0\r\nHost: a b\r\n\r\n" => [] Refuses(E::Host);

    an_empty_host_is_served, "RFC 9112 §3.3":
        raw "GET / HTTP/1.1\r\nHost:\r\n\r\n" => ["GET / "] Waits;
    a_host_that_differs_from_the_target_is_ignored, "RFC 9112 §3.2.2":
        raw "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n" => ["GET http://a/ "] Waits;
    a_host_with_a_port_is_served, "RFC 9110 §7.2":
        raw "GET / HTTP/1.1\r\nHost: a.b:8080\r\n\r\n" => ["GET / "] Waits;
    a_host_with_an_empty_port_is_served, "RFC 3986 §3.2.3":
        raw "GET / HTTP/1.1\r\nHost: a:\r\n\r\n" => ["GET / "] Waits;
    an_ipv6_address_as_host_is_served, "RFC 3986 §3.2.2":
        raw "GET / HTTP/1.1\r\nHost: [::ffff:1.2.3.4]:80\r\n\r\n" => ["GET / "] Waits;
    a_percent_encoded_host_is_served, "RFC 3986 §3.2.2":
        raw "GET / HTTP/1.1\r\nHost: a%41_~\r\n\r\n" => ["GET / "] Waits;

    a_host_with_a_space_is_refused, "RFC 9110 §7.2":
        raw "GET / HTTP/1.1\r\nHost: a b\r\n\r\n" => [] Refuses(E::Host);
    two_hosts_in_a_list_are_refused, "RFC 9110 §7.2":
        raw "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n" => [] Refuses(E::Host);
    a_host_with_a_user_is_refused, "RFC 9110 §7.2":
        raw "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n" => [] Refuses(E::Host);
    a_host_with_a_path_is_refused, "RFC 9110 §7.2":
        raw "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n" => [] Refuses(E::Host);
    a_host_with_a_scheme_is_refused, "RFC 9110 §7.2":
        raw "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n" => [] Refuses(E::Host);
    a_host_with_letters_for_a_port_is_refused, "RFC 3986 §3.2.3":
        raw "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n" => [] Refuses(E::Host);
    a_host_with_a_signed_port_is_refused, "RFC 3986 §3.2.3":
        raw "GET / HTTP/1.1\r\nHost: a:+1\r\n\r\n" => [] Refuses(E::Host);
    a_host_with_two_ports_is_refused, "RFC 3986 §3.2.3":
        raw "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n" => [] Refuses(E::Host);
    a_host_with_a_port_too_high_is_refused, "RFC 3986 §3.2.3":
        raw "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n" => [] Refuses(E::Host);
    a_host_with_an_open_bracket_is_refused, "RFC 3986 §3.2.2":
        raw "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n" => [] Refuses(E::Host);
    an_ipv6_address_without_brackets_is_refused, "RFC 3986 §3.2.2":
        raw "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n" => [] Refuses(E::Host);
    a_host_beyond_ascii_is_refused, "RFC 3986 §3.2.2":
        raw "GET / HTTP/1.1\r\nHost: \u{e9}\r\n\r\n" => [] Refuses(E::Host);
    a_host_with_a_malformed_percent_sign_is_refused, "RFC 3986 §2.1":
        raw "GET / HTTP/1.1\r\nHost: %zz\r\n\r\n" => [] Refuses(E::Host);
}
