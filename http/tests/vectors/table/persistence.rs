//! Which requests may be followed by another, and pipelines (RFC 9112 §9.3).

super::table! {
    nothing_at_all_waits, "RFC 9112 §9.3":
        raw "" => [] Waits;
    an_empty_line_alone_waits, "RFC 9112 §2.2":
        raw "\r\n" => [] Waits;
    pipelined_requests_come_one_after_the_other, "RFC 9112 §9.3.2":
        raw "GET /a HTTP/1.1\r\nHost: h\r\n\r\n\
             POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc\
             PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\n\
             GET /d HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
            => ["GET /a ", "POST /b abc", "PUT /c xy", "GET /d "] Waits;
    what_was_served_before_a_refusal_stays_served, "RFC 9112 §9.3.2":
        raw "GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b\r\n\r\n"
            => ["GET /a "] Refuses(E::RequestLine);
    connection_close_is_the_last_request, "RFC 9112 §9.6":
        raw "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n\0garbage" => ["GET / "] Closes;
    connection_close_is_found_in_any_case_and_place, "RFC 9110 §7.6.1":
        raw "GET / HTTP/1.1\r\nHost: h\r\nConnection: x ,\tCLOSE,keep-alive\r\n\r\nGET /2" => ["GET / "] Closes;
    an_option_that_only_resembles_close_is_none, "RFC 9110 §7.6.1":
        field "Connection: closed" => ["POST / "] Waits;
    http_1_0_closes_unless_asked, "RFC 9112 §9.3":
        raw "GET / HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\r\n\r\n" => ["GET / "] Closes;
    http_1_0_is_kept_when_asked, "RFC 9112 §9.3":
        raw "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n"
            => ["GET / ", "GET /2 "] Closes;
    close_goes_before_keep_alive, "RFC 9112 §9.3":
        raw "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\nGET /2" => ["GET / "] Closes;
    nothing_after_connect_is_taken_for_a_request, "RFC 9110 §9.3.6":
        raw "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"
            => ["CONNECT h:1 "] Closes;
    an_upgrade_that_is_not_taken_up_changes_nothing, "RFC 9110 §7.8":
        raw "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
             HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"
            => ["GET / ", "GET /2 "] Waits;
}
