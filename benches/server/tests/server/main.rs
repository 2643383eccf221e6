//! The bench server as strangers run it: a process, its flags, its sockets, its exit code.
//! Each scenario runs on each engine of the build. Linux only: what a process costs is read from
//! `/proc`. The `load` command has tests of its own beside this one.
#![cfg(target_os = "linux")]

mod client;
mod crowd;
mod decode;
mod denied;
mod departures;
mod descriptors;
mod endings;
mod guests;
mod loads;
#[cfg(feature = "io-uring")]
mod memory;
mod process;
mod refusals;
mod replay;
mod routes;
mod slow;
mod ticks;

/// Makes each scenario a test, which runs it on each engine in turn.
macro_rules! on_every_engine {
    ($($room:ident::$scenario:ident,)+) => {
        $(#[test]
        fn $scenario() {
            for engine in headwater::Engine::compiled() {
                // Seen only if it fails.
                println!("on {engine}:");
                crate::$room::$scenario(&engine.to_string());
            }
        })+
    };
}

on_every_engine! {
    routes::every_path_answers_as_documented,
    routes::info_says_what_the_ready_line_says,
    routes::publish_answers_with_the_count_first,
    routes::metrics_are_well_formed_and_count,
    routes::live_page_is_shown_snapshots_without_being_counted_as_a_subscriber,
    ticks::ticks_come_at_the_rate_and_of_the_size_asked_for,
    ticks::rate_zero_publishes_nothing,
    ticks::ticks_go_on_where_nobody_can_read_complaints,
    ticks::heartbeat_zero_sends_no_comments,
    departures::streams_that_leave_by_fin_or_rst_are_gone_at_once,
    endings::sigterm_ends_every_stream_with_its_terminal_chunk,
    endings::sigint_ends_every_stream_with_its_terminal_chunk,
    endings::a_signal_right_after_the_ready_line_is_obeyed,
    endings::a_client_that_never_reads_cannot_hold_up_the_end,
    endings::a_restart_gets_the_same_port_at_once,
    refusals::a_port_with_a_plain_listener_is_refused,
    refusals::a_port_with_a_sharing_listener_is_refused,
    refusals::a_second_server_is_refused,
    refusals::flags_that_are_none_or_of_other_builds_are_refused,
    descriptors::subscribers_past_the_limit_wait_and_get_in_as_others_leave,
    descriptors::silent_clients_past_the_limit_give_way_to_those_that_ask,
    slow::stuck_subscribers_never_delay_the_others,
    slow::the_slow_policy_is_the_one_asked_for,
    replay::who_comes_back_gets_what_was_missed,
    guests::idle_connections_are_counted_and_cost_something,
    guests::visitors_leave_nothing_behind,
    guests::abuse_costs_the_others_nothing,
    loads::as_many_requests_are_made_as_asked_for,
    loads::requests_on_a_schedule_are_timed_from_when_they_were_due,
    loads::no_more_requests_are_answered_each_second_than_were_due,
    loads::another_answer_than_a_good_one_is_no_sample,
    loads::who_comes_back_is_given_all_that_was_missed,
    loads::what_is_gone_from_the_store_is_missing,
    loads::without_a_schedule_nothing_is_lost_and_nothing_timed,
    endings::a_load_run_loses_nothing,
    endings::a_load_run_with_churn_and_a_storm_loses_nothing,
    endings::a_load_run_listens_to_a_handler_for_each_client,
}

#[test]
fn the_engines_of_the_build_are_listed_one_a_line() {
    let (code, out, errors) = process::run("--list-engines");
    let names: Vec<String> =
        headwater::Engine::compiled().iter().map(ToString::to_string).collect();
    assert_eq!((code, out, errors.as_str()), (Some(0), names.join("\n") + "\n", ""));
}
