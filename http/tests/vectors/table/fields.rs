//! Header lines as such, whatever they mean (RFC 9112 §5, RFC 9110 §5).

super::table! {
    white_space_around_a_value_is_no_part_of_it, "RFC 9112 §5.1":
        field "Content-Length: \t 0 \t" => ["POST / "] Waits;
    a_value_may_follow_its_colon_at_once, "RFC 9112 §5":
        field "Content-Length:0" => ["POST / "] Waits;
    an_empty_value_is_a_value, "RFC 9110 §5.5":
        field "A:" => ["POST / "] Waits;
    a_value_may_hold_tabs_and_bytes_beyond_ascii, "RFC 9110 §5.5":
        field "A: b\tc \u{e9}" => ["POST / "] Waits;
    a_name_may_hold_any_byte_of_a_token, "RFC 9110 §5.1":
        field "!#$%&'*+-.^_`|~09aZ: b" => ["POST / "] Waits;
    a_value_may_hold_colons, "RFC 9110 §5.5":
        field "A: b: c" => ["POST / "] Waits;

    a_space_before_the_colon_is_refused, "RFC 9112 §5.1":
        field "A : b" => [] Refuses(E::HeaderLine);
    a_tab_before_the_colon_is_refused, "RFC 9112 §5.1":
        field "A\t: b" => [] Refuses(E::HeaderLine);
    a_space_before_the_colon_of_content_length_is_refused, "RFC 9112 §5.1":
        field "Content-Length : 5" => [] Refuses(E::HeaderLine);
    a_space_before_the_colon_of_transfer_encoding_is_refused, "RFC 9112 §5.1":
        field "Transfer-Encoding : chunked" => [] Refuses(E::HeaderLine);
    an_empty_name_is_refused, "RFC 9110 §5.1":
        field ": b" => [] Refuses(E::HeaderLine);
    a_colon_alone_is_refused, "RFC 9110 §5.1":
        field ":" => [] Refuses(E::HeaderLine);
    a_line_without_a_colon_is_refused, "RFC 9112 §5":
        field "A" => [] Refuses(E::HeaderLine);
    a_name_with_a_space_is_refused, "RFC 9110 §5.1":
        field "A b: c" => [] Refuses(E::HeaderLine);
    a_name_in_quotes_is_refused, "RFC 9110 §5.1":
        field "\"A\": b" => [] Refuses(E::HeaderLine);
    a_name_in_parentheses_is_refused, "RFC 9110 §5.1":
        field "(A): b" => [] Refuses(E::HeaderLine);
    a_name_with_a_bracket_is_refused, "RFC 9110 §5.1":
        field "A[: b" => [] Refuses(E::HeaderLine);
    a_name_with_a_slash_is_refused, "RFC 9110 §5.1":
        field "A/: b" => [] Refuses(E::HeaderLine);
    a_name_beyond_ascii_is_refused, "RFC 9110 §5.1":
        field "\u{e9}: b" => [] Refuses(E::HeaderLine);

    a_line_folded_with_a_space_is_refused, "RFC 9112 §5.2":
        field "A: b\r\n c" => [] Refuses(E::Folding);
    a_line_folded_with_a_tab_is_refused, "RFC 9112 §5.2":
        field "A: b\r\n\tc" => [] Refuses(E::Folding);
    a_fold_of_nothing_but_a_space_is_refused, "RFC 9112 §5.2":
        field "A:\r\n \r\nB: c" => [] Refuses(E::Folding);
    a_folded_content_length_is_refused, "RFC 9112 §5.2":
        field "Content-Length:\r\n 5" => [] Refuses(E::Folding);
    a_folded_transfer_encoding_is_refused, "RFC 9112 §5.2":
        field "Transfer-Encoding:\r\n chunked" => [] Refuses(E::Folding);
    a_space_before_the_first_field_is_refused, "RFC 9112 §2.2":
        raw "GET / HTTP/1.1\r\n Host: h\r\n\r\n" => [] Refuses(E::Folding);

    // Expect (RFC 9110 §10.1.1)
    expect_100_continue_is_served, "RFC 9110 §10.1.1":
        raw "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\na"
            => ["PUT / a"] Waits;
    expect_100_continue_said_twice_is_served, "RFC 9110 §10.1.1, §5.6.1":
        field "Expect: 100-continue, ,100-continue\r\nExpect: 100-continue" => ["POST / "] Waits;
    an_empty_expect_is_served, "RFC 9110 §5.6.1.2":
        field "Expect:" => ["POST / "] Waits;
    any_other_expectation_is_refused_with_417, "RFC 9110 §10.1.1":
        field "Expect: 200-ok" => [] Refuses(E::Expectation);
    another_expectation_beside_100_continue_is_refused_with_417, "RFC 9110 §10.1.1":
        field "Expect: 100-continue, a=\"b\"" => [] Refuses(E::Expectation);
    another_expectation_on_a_line_of_its_own_is_refused_with_417, "RFC 9110 §10.1.1":
        field "Expect: a\r\nExpect: 100-continue" => [] Refuses(E::Expectation);
    parameters_of_100_continue_are_refused_with_417, "RFC 9110 §10.1.1":
        field "Expect: 100-continue;a=b" => [] Refuses(E::Expectation);
    faulty_framing_goes_before_an_expectation, "RFC 9112 §6.3":
        field "Expect: a\r\nContent-Length: 5, 5" => [] Refuses(E::ContentLength);
}
