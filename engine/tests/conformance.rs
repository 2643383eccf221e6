//! One suite for all engines: every test runs over every engine of this build, on real loopback sockets.
//! An engine is right when it passes; nothing in here knows how one works.

mod conformance {
    pub(crate) mod accepting;
    pub(crate) mod handing_over;
    pub(crate) mod leaving;
    pub(crate) mod receiving;
    pub(crate) mod rig;
    pub(crate) mod sending;
    pub(crate) mod spawning;
    pub(crate) mod waiting;
}

macro_rules! over {
    ($engine:ident, $driver:ty, $($group:ident { $($test:ident)+ })+) => {
        mod $engine {
            $($(
                #[test]
                fn $test() {
                    crate::conformance::$group::$test::<$driver>();
                }
            )+)+
        }
    };
}

macro_rules! suite {
    ($($tests:tt)+) => {
        #[cfg(all(feature = "io-uring", target_os = "linux"))]
        over! { uring, headwater_engine::uring::Uring, $($tests)+ }
        #[cfg(feature = "epoll")]
        over! { epoll, headwater_engine::epoll::Epoll, $($tests)+ }
        over! { std_threads, headwater_engine::std_threads::StdThreads, $($tests)+ }
    };
}

suite! {
    accepting {
        connection_is_accepted_and_its_address_known
        accept_goes_on_until_the_queue_is_empty
        thousand_connects_at_once_are_all_accepted
        stop_accepting_takes_the_queued_and_closes_the_listener
        stop_accepting_takes_the_queued_behind_busy_connections
        dropped_driver_closes_listener_and_connections
        accept_without_descriptors_stands_still_and_recovers
    }
    receiving {
        bytes_arrive_whole_and_in_order
        next_bytes_wait_for_the_lease
        paused_connection_delivers_nothing_until_resumed
        paused_connection_with_unread_bytes_costs_no_cpu
        pause_and_resume_without_bytes_loses_nothing
        busy_connection_does_not_starve_a_quiet_one
        busy_connection_does_not_hold_up_accepting
        detached_connection_delivers_nothing_and_can_still_send
        detached_connection_costs_no_cpu_after_its_bytes
        detaching_a_paused_connection_throws_its_bytes_away
    }
    leaving {
        fin_alone_is_noticed
        fin_that_comes_with_the_request_is_noticed_behind_it
        fin_behind_many_bytes_is_noticed_behind_them
        fin_while_paused_is_noticed_after_resume
        fin_behind_unread_bytes_is_seen_when_asked
        answer_can_be_sent_after_a_fin
        fin_of_a_detached_connection_is_noticed_behind_a_flood
        reset_while_receiving_is_noticed
        reset_while_paused_is_noticed
        reset_while_paused_with_unread_bytes_is_noticed
        reset_behind_a_fin_while_paused_is_noticed
        reset_of_a_detached_connection_is_noticed_behind_a_flood
        departure_is_reported_once
        close_frees_the_slot_and_the_peer_sees_it
        closed_connection_is_never_heard_of_again
        stale_keys_are_harmless
        shutdown_sends_a_fin_and_receiving_goes_on
    }
    handing_over {
        connection_goes_on_with_another_driver
        connection_goes_on_in_another_thread
        flood_is_whole_however_often_it_is_handed_over
        bytes_held_while_paused_travel_along
        bytes_and_fin_before_the_hand_over_arrive_in_order
        fin_on_the_way_is_noticed_by_the_new_owner
        reset_on_the_way_is_noticed_by_the_new_owner
        reset_while_it_leaves_is_noticed_by_the_new_owner
        end_that_was_seen_and_not_told_travels_along
        connection_that_is_detached_at_once_throws_its_bytes_away
        detached_connection_can_be_handed_over
        lease_that_is_out_holds_the_hand_over_back
        stalled_sender_hears_of_room_from_the_new_driver
        room_is_told_where_the_connection_arrives_and_not_where_it_leaves
        leaving_connection_is_reported_once_and_otherwise_silent
        leaving_connection_ignores_what_else_is_wanted_of_it
        leaving_connection_can_be_closed
        ended_connection_is_not_released
        key_of_a_released_connection_is_stale
        connection_that_nobody_adopts_is_closed
        dropped_driver_closes_leaving_connections
        many_are_handed_over_at_once
        adopted_connection_at_rest_costs_no_cpu
    }
    sending {
        short_sends_resume_until_everything_arrived
        bytes_that_the_peer_has_not_acknowledged_are_counted_when_asked
        many_slices_arrive_in_order
        batch_serves_the_others_when_one_is_dead
        full_socket_takes_nothing_and_says_so
        full_socket_costs_no_cpu
        full_socket_of_a_half_closed_peer_costs_no_cpu
        slow_reader_does_not_delay_the_others
        stalled_sender_hears_of_a_reset
        empty_attempt_does_nothing
    }
    waiting {
        wake_from_another_thread_ends_a_wait
        longest_wait_ends_with_a_wake
        wait_ends_at_once_while_something_is_left
        wait_without_patience_hears_of_bytes
        wait_after_sends_hears_of_bytes_before_them
        wake_before_the_wait_is_not_lost
        every_wake_is_heard
        wait_ends_when_the_time_is_over
        idle_driver_sleeps
        waker_outlives_its_driver
    }
    spawning {
        worker_answers_and_stops
        listener_of_a_panicked_worker_leaves_the_group
        application_that_cannot_be_made_is_an_error_of_spawn
        message_wakes_a_sleeping_worker
    }
}

#[test]
fn worker_on_an_engine_that_is_not_built_is_refused() {
    conformance::spawning::missing_engine_is_refused();
}
