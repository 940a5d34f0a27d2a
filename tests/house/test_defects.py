# SPDX-License-Identifier: LGPL-2.1-or-later
"""Defects that were seen in the tools and libraries that ours follow, and for each the tests that fail if ours behaves
like that. A test that is renamed is renamed here."""

import pathlib
import re

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]

# what it did: (file, test) …; a file of C is named without a test where the whole program is the test
DEFECTS = {
    "the default is one thread and one loop; the mode of its manual never answers and ignores SIGINT": [
        ("integration/test_reference_defects.py", "test_one_thread_accepts_and_another_serves_without_any_setting"),
        ("integration/test_reference_defects.py", "test_a_milter_with_threads_obeys_signals"),
        ("integration/test_client_hostile.py", "test_a_thousand_idle_and_64_busy_connections_share_the_workers"),
        ("tsan/client-answers.c", None),
    ],
    "the example of its manual does not compile": [
        ("client/manual-example.c", None),
        ("client/run-forms.c", None),
        ("integration/test_client_library.py", "test_the_example_of_the_manual_runs"),
    ],
    "a milter that closes without an answer passes": [
        ("integration/test_milter_test_server.py", "test_a_milter_that_closes_without_an_answer_never_passes"),
        ("integration/test_milter_test_server.py", "test_the_plain_run_never_passes_a_milter_that_closes"),
        ("integration/test_milter_test_server.py", "test_a_milter_that_closes_after_accepting_the_connection_is_broken"),
        ("integration/test_reference_options.py", "test_a_milter_that_closes_never_passes"),
    ],
    "the exit status tells only that there was a connection": [
        ("integration/test_reference_options.py", "test_the_verdict_is_the_status_and_the_exit_status"),
        ("integration/test_reference_options.py", "test_an_answer_is_awaited_no_longer_than_told"),
        ("integration/test_milter_test_server.py", "test_a_silent_milter_is_broken_after_the_timeout"),
    ],
    "two macros that are asked for at one stage are an endless loop": [
        ("integration/test_milter_test_server.py", "test_a_list_of_symbols_for_one_stage_ends"),
        ("integration/test_reference_options.py", "test_what_a_milter_asks_for_it_gets"),
    ],
    "several connections at once hang": [
        ("integration/test_reference_options.py", "test_threads_are_so_many_connections_at_once"),
        ("integration/test_hostile.py", "test_copies_meet_at_a_barrier"),
    ],
    "TCP waits for delayed acknowledgements": [
        ("unit/test-io-connection-end.c", "nodelay_is_on"),
        ("integration/test_milter_test_server.py", "test_both_transports_carry_a_large_message"),
    ],
    "a long path in CONNECT, or in a spec, overflows the heap": [
        ("unit/test-client-context.c", "a_path_longer_than_a_socket_address_holds_is_refused"),
        ("unit/test-connection-spec.c", "PATH_TOO_LONG"),
        ("integration/test_client_hostile.py", "test_a_path_in_connect_may_be_of_any_length"),
    ],
    "without a handler of negotiate all flags are echoed": [
        ("unit/test-client-negotiate.c", "the_default_answer_asks_only_for_events_with_handlers"),
        ("integration/test_reference_defects.py",
         "test_without_any_handler_only_what_always_comes_is_asked_for_and_answered"),
    ],
    "a limit on connections is a deadlock": [
        ("integration/test_client_library.py", "test_more_connections_than_allowed_wait_their_turn"),
        ("integration/test_client_hostile.py", "test_a_limit_on_connections_is_no_deadlock"),
    ],
    "-1 workers are four thousand million": [
        ("integration/test_milter_test_client.py", "test_wrong_usage_is_one_sentence_and_status_2"),
    ],
    "a frame may be of any length": [
        ("unit/test-client-context.c", "what_an_mta_may_not_send_ends_the_connection"),
        ("unit/test-client-malformed.c", "every_way_is_refused_or_taken_and_never_half"),
        ("unit/test-client-negotiate.c", "frames_may_be_as_long_as_was_agreed"),
        ("integration/test_milter_test_server.py", "test_garbage_is_broken_and_shown"),
    ],
    "after a protocol error the connection stays, and the peer waits": [
        ("unit/test-client-context.c", "what_an_mta_may_not_send_ends_the_connection"),
        ("unit/test-client-malformed.c", "every_letter_that_is_none_ends_the_connection"),
        ("integration/test_client_hostile.py", "test_malformed_frames_hurt_nobody_else"),
    ],
    "no-reply steps are not honoured": [
        ("unit/test-client-context.c", "no_reply_steps_are_honoured"),
        ("integration/test_reference_defects.py", "test_the_mta_side_awaits_no_answer_that_was_agreed_away"),
        ("integration/test_reference_defects.py", "test_the_mta_side_tells_an_answer_that_was_agreed_away"),
    ],
    "events that nobody handles are asked for": [
        ("unit/test-client-negotiate.c", "each_event_alone_is_asked_for_in_every_shape_of_handler"),
    ],
    "replies of several lines are joined wrongly": [
        ("unit/test-client-answer.c", "a_text_goes_with_a_refusal_of_its_class"),
        ("integration/test_client_library.py", "test_reply_texts"),
    ],
    "a NUL ends a body": [
        ("integration/test_milter_test_server_plain.py", "test_binary_mail_is_data"),
        ("unit/test-client-edit.c", 'replace-body \\"a\\\\0b'),
    ],
    "a line longer than a chunk breaks the session": [
        ("integration/test_milter_test_server_plain.py", "test_a_line_longer_than_a_chunk_is_no_obstacle"),
    ],
    "arguments of MAIL and RCPT are dropped": [
        ("unit/test-client-context.c", "slots_see_every_event_in_order"),
        ("unit/test-client-context.c", "signals_see_the_same_events_as_slots"),
        ("integration/test_milter_test_server_plain.py", "test_every_option_of_the_message_arrives"),
    ],
    "a peer that never speaks stays for ever": [
        ("integration/test_client_hostile.py", "test_silent_and_dripping_peers_run_into_the_timeout"),
        ("integration/test_client_hostile.py", "test_a_peer_that_never_reads_runs_into_the_timeout"),
    ],
    "logs are mixed with the output": [
        ("integration/test_reference_defects.py", "test_logs_go_to_stderr"),
    ],
    "colours reach pipes": [
        ("integration/test_milter_test_server.py", "test_colours_do_not_reach_pipes_unless_asked_for"),
        ("integration/test_reference_options.py", "test_colours_are_only_where_they_are_wanted"),
        ("integration/test_milter_test_client.py", "test_colour_only_where_it_is_wanted"),
    ],
    "the locale is not set": [
        ("integration/test_milter_test_server_plain.py",
         "test_non_ascii_is_shown_in_a_utf8_locale_and_escaped_elsewhere"),
    ],
    "numbers of options are not checked": [
        ("integration/test_reference_options.py", "test_a_wrong_value_is_told_with_its_option"),
        ("integration/test_milter_test_client.py", "test_wrong_usage_is_one_sentence_and_status_2"),
    ],
    "--end-of-message-timeout sets another timeout": [
        ("integration/test_milter_test_server_plain.py", "test_each_timeout_is_its_own"),
        ("integration/test_reference_options.py", "test_an_answer_is_awaited_no_longer_than_told"),
    ],
    "a late error prints more than one line": [
        ("integration/test_reference_options.py", "test_a_milter_that_closes_never_passes"),
    ],
}


@pytest.mark.parametrize("defect", [*DEFECTS])
def test_every_defect_has_its_tests(defect):
    for file, name in DEFECTS[defect]:
        text = (TESTS / file).read_text()
        if name is None:
            assert f"'{pathlib.Path(file).stem}'" in (TESTS / file).with_name("meson.build").read_text()
        elif name.startswith("test_"):
            assert re.search(rf"^def {name} ?\(", text, re.M), f"{file}: {name}"
        else:
            assert name in text, f"{file}: {name}"
