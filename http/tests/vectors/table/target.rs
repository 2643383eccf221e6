//! The four forms of a request target, and what has none of them (RFC 9112 §3.2).

super::table! {
    // Origin form (§3.2.1)
    an_origin_form_is_served, "RFC 9112 §3.2.1":
        start "GET /a/b;c=d?e=f&g=/h?i HTTP/1.1" => ["GET /a/b;c=d?e=f&g=/h?i "] Waits;
    a_path_that_begins_with_two_slashes_has_no_authority, "RFC 9112 §3.2.1":
        start "GET //a HTTP/1.1" => ["GET //a "] Waits;
    an_empty_query_is_served, "RFC 9112 §3.2.1":
        start "GET /? HTTP/1.1" => ["GET /? "] Waits;
    bytes_that_browsers_do_not_encode_are_served, "RFC 9112 §3.2, leniently":
        start "GET /?a|b[c]\"<> HTTP/1.1" => ["GET /?a|b[c]\"<> "] Waits;
    a_malformed_percent_sign_is_the_routers, "RFC 3986 §2.1, decided above":
        start "GET /%zz HTTP/1.1" => ["GET /%zz "] Waits;
    a_target_without_a_slash_is_refused, "RFC 9112 §3.2":
        start "GET a HTTP/1.1" => [] Refuses(E::Target);
    a_query_alone_is_refused, "RFC 9112 §3.2":
        start "GET ?a HTTP/1.1" => [] Refuses(E::Target);
    a_fragment_alone_is_refused, "RFC 9112 §3.2":
        start "GET # HTTP/1.1" => [] Refuses(E::Target);
    a_fragment_after_a_path_is_refused, "RFC 9112 §3.2":
        start "GET /#a HTTP/1.1" => [] Refuses(E::Target);
    a_target_beyond_ascii_is_refused, "RFC 9112 §3.2":
        start "GET /\u{e9} HTTP/1.1" => [] Refuses(E::Target);

    // Absolute form (§3.2.2)
    an_absolute_form_is_served, "RFC 9112 §3.2.2":
        start "GET http://other:1/a?b HTTP/1.1" => ["GET http://other:1/a?b "] Waits;
    an_absolute_form_in_upper_case_is_served, "RFC 3986 §3.1":
        start "GET HTTPS://OTHER HTTP/1.1" => ["GET HTTPS://OTHER "] Waits;
    an_absolute_form_with_a_query_and_no_path_is_served, "RFC 9112 §3.2.2":
        start "GET http://other?b HTTP/1.1" => ["GET http://other?b "] Waits;
    an_absolute_form_with_an_ipv6_address_is_served, "RFC 3986 §3.2.2":
        start "GET http://[::1]:80/ HTTP/1.1" => ["GET http://[::1]:80/ "] Waits;
    options_may_have_the_absolute_form, "RFC 9112 §3.2.4":
        start "OPTIONS http://other HTTP/1.1" => ["OPTIONS http://other "] Waits;
    an_absolute_form_of_another_scheme_is_refused, "RFC 9110 §7.4":
        start "GET ftp://a/ HTTP/1.1" => [] Refuses(E::Target);
    an_absolute_form_with_one_slash_is_refused, "RFC 9110 §4.2.1":
        start "GET http:/a HTTP/1.1" => [] Refuses(E::Target);
    an_absolute_form_without_a_host_is_refused, "RFC 9110 §4.2.1":
        start "GET http:// HTTP/1.1" => [] Refuses(E::Target);
    an_absolute_form_with_an_empty_host_is_refused, "RFC 9110 §4.2.1":
        start "GET http:///a HTTP/1.1" => [] Refuses(E::Target);
    an_absolute_form_with_a_query_for_a_host_is_refused, "RFC 9110 §4.2.1":
        start "GET http://?a HTTP/1.1" => [] Refuses(E::Target);
    an_absolute_form_with_a_port_and_no_host_is_refused, "RFC 9110 §4.2.1":
        start "GET http://:1/ HTTP/1.1" => [] Refuses(E::Target);
    an_absolute_form_with_a_user_is_refused, "RFC 9110 §4.2.4":
        start "GET http://a@b/ HTTP/1.1" => [] Refuses(E::Target);
    an_absolute_form_with_letters_for_a_port_is_refused, "RFC 3986 §3.2.3":
        start "GET http://a:b/ HTTP/1.1" => [] Refuses(E::Target);
    an_absolute_form_with_the_highest_port_is_served, "RFC 3986 §3.2.3":
        start "GET http://a:65535/ HTTP/1.1" => ["GET http://a:65535/ "] Waits;
    an_absolute_form_with_a_port_too_high_is_refused, "RFC 3986 §3.2.3":
        start "GET http://a:65536/ HTTP/1.1" => [] Refuses(E::Target);
    an_absolute_form_with_an_open_bracket_is_refused, "RFC 3986 §3.2.2":
        start "GET http://[::1/ HTTP/1.1" => [] Refuses(E::Target);
    an_absolute_form_with_junk_after_the_bracket_is_refused, "RFC 3986 §3.2.2":
        start "GET http://[::1]a/ HTTP/1.1" => [] Refuses(E::Target);
    an_absolute_form_with_a_backslash_is_refused, "RFC 3986 §3.2.2":
        start "GET http://a\\b/ HTTP/1.1" => [] Refuses(E::Target);

    // Authority form (§3.2.3)
    connect_has_the_authority_form, "RFC 9112 §3.2.3":
        start "CONNECT a:1 HTTP/1.1" => ["CONNECT a:1 "] Closes;
    connect_to_an_ipv6_address_is_served, "RFC 9112 §3.2.3":
        start "CONNECT [::1]:443 HTTP/1.1" => ["CONNECT [::1]:443 "] Closes;
    connect_without_a_port_is_refused, "RFC 9110 §9.3.6":
        start "CONNECT a HTTP/1.1" => [] Refuses(E::Target);
    connect_with_an_empty_port_is_refused, "RFC 9110 §9.3.6":
        start "CONNECT a: HTTP/1.1" => [] Refuses(E::Target);
    connect_with_an_empty_host_is_refused, "RFC 9112 §3.2.3":
        start "CONNECT :1 HTTP/1.1" => [] Refuses(E::Target);
    connect_with_a_path_is_refused, "RFC 9112 §3.2.3":
        start "CONNECT / HTTP/1.1" => [] Refuses(E::Target);
    connect_with_the_absolute_form_is_refused, "RFC 9112 §3.2.3":
        start "CONNECT http://a:1/ HTTP/1.1" => [] Refuses(E::Target);
    connect_with_an_asterisk_is_refused, "RFC 9112 §3.2.3":
        start "CONNECT * HTTP/1.1" => [] Refuses(E::Target);
    connect_with_a_user_is_refused, "RFC 9112 §3.2.3":
        start "CONNECT u@a:1 HTTP/1.1" => [] Refuses(E::Target);
    the_authority_form_is_for_connect_alone, "RFC 9112 §3.2.3":
        start "GET a:1 HTTP/1.1" => [] Refuses(E::Target);

    // Asterisk form (§3.2.4)
    options_has_the_asterisk_form, "RFC 9112 §3.2.4":
        start "OPTIONS * HTTP/1.1" => ["OPTIONS * "] Waits;
    the_asterisk_form_is_for_options_alone, "RFC 9112 §3.2.4":
        start "GET * HTTP/1.1" => [] Refuses(E::Target);
    two_asterisks_are_refused, "RFC 9112 §3.2.4":
        start "OPTIONS ** HTTP/1.1" => [] Refuses(E::Target);
    an_asterisk_with_a_query_is_refused, "RFC 9112 §3.2.4":
        start "OPTIONS *?a HTTP/1.1" => [] Refuses(E::Target);
    options_with_neither_path_nor_asterisk_is_refused, "RFC 9112 §3.2.4":
        start "OPTIONS a HTTP/1.1" => [] Refuses(E::Target);
}
