/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-player-judge.c: what a session is found to be, and in which words.
 */
#include "fake-peer.h"

#include <criterion/criterion.h>

#define R FAKE_RULES

static const FakeCase replies[] = {
  { "a code that was expected",
    "session\n rcpt <a@b>\n rcpt <busy@example.net> => 451 4.7.1 \"mailbox busy*\" within 500ms\n",
    R ("R2:y451 4.7.1 mailbox busy, later|"),
    HELD,
    "" },
  { "another reply than expected",
    "session\n rcpt <a@b>\n rcpt <busy@example.net> => 451 4.7.1 \"mailbox busy*\" within 500ms\n",
    R ("R2:t"),
    FAILED,
    "3: reply to rcpt <busy@example.net> / 451 4.7.1 \"mailbox busy*\" within 500ms / "
    "tempfail (no text) after 1 ms\n" },
  { "reject is the letter, not any 5xx",
    "session\n mail => reject\n",
    R ("M:y550 5.7.1 no|"),
    FAILED,
    "2: reply to mail <sender@example.com> / reject / 550 5.7.1 \"no\" after 1 ms\n" },
  { "an x is a digit", "session\n mail => 4xx 4.x.x\n", R ("M:y452 4.3.12 later|"), HELD, "" },
  { "the first digit counts",
    "session\n mail => 4xx\n",
    R ("M:y552 5.3.4 big|"),
    FAILED,
    "2: reply to mail <sender@example.com> / 4xx / 552 5.3.4 \"big\" after 1 ms\n" },
  { "one text is all lines",
    "session\n mail => 550 5.7.1 \"one\\ntwo\"\n",
    R ("M:y550-5.7.1 one\r\n550 5.7.1 two|"),
    HELD,
    "" },
  { "several texts are a line each",
    "session\n mail => 550 5.7.1 \"one\" *\n",
    R ("M:y550-5.7.1 one\r\n550 5.7.1 two|"),
    HELD,
    "" },
  { "a text that an MTA would mangle is not that reply",
    "session\n mail => 550 5.7.1 *\n",
    R ("M:y550 5.7.1 50% off|"),
    FAILED,
    "2: reply to mail <sender@example.com> / 550 5.7.1 * / frame y \"550 5.7.1 50% off\\0\" (reply "
    "text, line 1: a percent sign is not doubled) after 1 ms\n" },
  { "alternatives", "session\n mail => reject | tempfail | 5xx\n", R ("M:t"), HELD, "" },
  { "any is some reply", "session\n mail => any\n", R ("M:r"), HELD, "" },
  { "any is a reply code, too", "session\n mail => any\n", R ("M:y450 4.7.1 no|"), HELD, "" },
  { "a text that an MTA would mangle is no reply at all",
    "session\n mail => any\n",
    R ("M:y250 2.0.0 fine|"),
    FAILED,
    "2: reply to mail <sender@example.com> / any / frame y \"250 2.0.0 fine\\0\" (reply "
    "text, line 1: the code is neither 4xx nor 5xx) after 1 ms\n" },
  { "and",
    "session\n mail\n => 550\n => and /busy/\n => and not /later/\n",
    R ("M:y550 5.7.1 busy|"),
    HELD,
    "" },
  { "and not",
    "session\n mail\n => 550\n => and not /busy/\n",
    R ("M:y550 5.7.1 busy|"),
    FAILED,
    "3: reply to mail <sender@example.com> / 550, and not /busy/ / 550 5.7.1 \"busy\" "
    "after 1 ms\n" },
  { "no expectation: the mail passes",
    "session\n rcpt <a@b>\n eom\n",
    R ("R:y550 5.7.1 no|"),
    FAILED,
    "2: reply to rcpt <a@b> / continue or accept / 550 5.7.1 \"no\" after 1 ms\n" },
  { "no expectation at the end of the message: not even with one about edits",
    "session\n eom => only\n",
    R ("E:r"),
    FAILED,
    "2: reply to eom / continue or accept / reject (no text) after 1 ms\n" },
  { "what is filled in has to pass, too",
    "session\n rcpt => continue\n",
    R ("C:r"),
    FAILED,
    "2: reply to connect, filled in / continue or accept / reject (no text) to connect after 1 ms\n"
    "2: reply to rcpt <recipient@example.net> / continue / not reached: rejected at connect, "
    "filled "
    "in for line 2\n" },
  { "later than allowed",
    "session\n mail => continue within 100ms\n quit\n",
    R ("M:@300;c"),
    FAILED,
    "2: reply to mail <sender@example.com> / continue within 100ms / continue after 301 ms\n" },
  { "two replies that were expected",
    "session\n mail\n => continue\n => accept\n",
    R ("M:c;a"),
    HELD,
    "" },
  { "one reply where two were expected",
    "session\n mail\n => continue\n => accept\n",
    R ("M:c"),
    FAILED,
    "4: reply to mail <sender@example.com> / accept / nothing in 30 s\n" },
  { "a reply and then nothing", "session\n mail\n => continue\n => none\n", R ("M:c"), HELD, "" },
  { "a reply and then one more",
    "session\n mail\n => continue\n => none\n",
    R ("M:c;c"),
    BROKEN,
    "4: reply to mail <sender@example.com> / none / continue after 2 ms: nobody asked for an "
    "answer "
    "after mail\n" },
  { "frames and bytes, literally",
    "session\n helo => frame c \"x\"\n mail => frame Z \"ab\"\n rcpt => raw \"\\0\\0\\0\\x01c\"\n",
    R ("H:cx", "M:Zab"),
    HELD,
    "" },
  { "skip passes for a body only",
    "session\n body \"x\"\n body \"y\"\n eom\n quit\n",
    R ("B:s"),
    HELD,
    "" },
  { "skip elsewhere is Postfix's",
    "mta sendmail\nsession\n rcpt\n",
    R ("R:s"),
    BROKEN,
    "3: reply to rcpt <recipient@example.net> / continue or accept / skip after 1 ms: skip cannot "
    "answer rcpt\n" },
  { "skip elsewhere is no pass",
    "mta postfix\nsession\n rcpt\n",
    R ("R:s"),
    FAILED,
    "3: reply to rcpt <recipient@example.net> / continue or accept / skip after 1 ms\n" },
  { "a letter that cannot answer, unless expected",
    "session\n connect => discard\n mail => conn-fail\n",
    R ("C:d", "M:f"),
    HELD,
    "" },
  { "a letter that cannot answer",
    "session\n connect\n",
    R ("C:d"),
    BROKEN,
    "2: reply to connect client.example.com 192.0.2.1 port=50443 / continue or accept / discard "
    "after 1 ms: discard cannot answer connect\n" },
};

Test (player_judge, replies) { fake_check (replies, G_N_ELEMENTS (replies)); }

static const FakeCase unreached[] = {
  { "accepted",
    "session\n rcpt <a@b>\n  => accept\n data => continue\n eom\n  => add-header X: y\n",
    R ("R:a"),
    FAILED,
    "4: reply to data / continue / not reached: accepted at rcpt, line 2\n"
    "6: edits at eom / add-header X: y / not reached: accepted at rcpt, line 2\n" },
  { "deferred",
    "session\n mail => 451\n rcpt => continue\n",
    R ("M:y451 4.7.1 x|"),
    FAILED,
    "3: reply to rcpt <recipient@example.net> / continue / not reached: deferred at mail, line "
    "2\n" },
  { "shut down",
    "session\n mail => shutdown\n message\n mail => continue\n",
    R ("M:4"),
    FAILED,
    "4: reply to mail <sender@example.com> / continue / not reached: shut down at mail, line 2\n" },
  { "421 hangs up as well",
    "session\n rcpt => 421\n mail => continue\n",
    R ("R:y421 4.3.0 bye|"),
    FAILED,
    "3: reply to mail <sender@example.com> / continue / not reached: deferred at rcpt, line 2\n" },
  { "not wanted",
    "session\n rcpt <a@b> => continue\n eom\n",
    R ("O:neg 6 0 8"),
    FAILED,
    "2: reply to rcpt <a@b> / continue / not reached: the milter asked not to be sent rcpt\n" },
  { "not wanted, and nothing was expected",
    "session\n rcpt <a@b>\n eom\n",
    R ("O:neg 6 0 0x27f"),
    HELD,
    "" },
  { "every recipient refused",
    "session\n rcpt <a@b> => reject\n rcpt => 451\n eom => continue\n",
    R ("R1:r", "R2:y451 4.7.1 x|"),
    FAILED,
    "4: reply to eom / continue / not reached: every recipient was refused\n" },
  { "one recipient refused",
    "session\n rcpt <a@b> => reject\n rcpt <c@d>\n eom => continue\n",
    R ("R1:r"),
    HELD,
    "" },
  { "every recipient refused, and nothing was expected",
    "session\n rcpt => reject\n eom\n",
    R ("R:r"),
    HELD,
    "" },
  { "too old",
    "session\n data => continue\n unknown FOO\n => continue\n eom\n",
    R ("O:neg 2 0 0"),
    FAILED,
    "2: reply to data / continue / not reached: the milter negotiated version 2, which has no "
    "data\n"
    "4: reply to unknown FOO / continue / not reached: the milter negotiated version 2, which has "
    "no "
    "unknown\n" },
  { "skipped",
    "session\n body \"x\" => skip\n body \"y\" => continue\n eom\n",
    R ("B:s"),
    FAILED,
    "3: reply to body / continue / not reached: skipped at body, line 2\n" },
  { "the rest of a command, with Postfix",
    "mta postfix\nsession\n rcpt => skip\n rcpt => continue\n eom\n",
    R ("R:s"),
    FAILED,
    "4: reply to rcpt <recipient@example.net> / continue / not reached: skipped at rcpt, line "
    "3\n" },
  { "nothing to send",
    "session\n body \"\" => continue\n",
    R ("Z:"),
    FAILED,
    "2: reply to body / continue / not reached: there was nothing to send\n" },
  { "not answered, as agreed",
    "session\n header X: y\n => continue\n",
    R ("O:neg 6 0 0x80"),
    FAILED,
    "3: reply to header X / continue / nothing in 200 ms: the milter asked not to answer "
    "header\n" },
  { "an end that comes late, where no answer comes as agreed",
    "session\n header X: y\n raw \"x\"\n => closed\n",
    R ("O:neg 6 0 0x80", "L:@1000;close"),
    HELD,
    "" },
  { "nothing, as agreed",
    "session\n header X: y\n => none\n data => continue | none\n",
    R ("O:neg 6 0 0x10080"),
    HELD,
    "" },
  { "after quit",
    "session\n connect\n quit\n mail => continue\n rcpt\n",
    R ("Z:"),
    FAILED,
    "4: reply to mail <sender@example.com> / continue / not reached: the connection is over since "
    "line 3 (quit)\n"
    "5: reply to rcpt <recipient@example.net> / to be sent / not reached: the connection is over "
    "since line 3 (quit)\n" },
  { "after an end that was expected",
    "session\n mail => closed | reset\n rcpt => continue\n",
    R ("M:reset"),
    FAILED,
    "3: reply to rcpt <recipient@example.net> / continue / not reached: the connection is over "
    "since line 2\n" },
};

Test (player_judge, what_is_not_reached_says_why)
{
  fake_check (unreached, G_N_ELEMENTS (unreached));
}

static const FakeCase ends[] = {
  { "closed, as expected", "session\n mail => closed\n", R ("M:close"), HELD, "" },
  { "a reset is an end, too", "session\n mail => closed\n", R ("M:reset"), HELD, "" },
  { "an end is no reset",
    "session\n mail => reset\n",
    R ("M:close"),
    BROKEN,
    "2: reply to mail <sender@example.com> / reset / the milter closed the connection instead of "
    "answering mail, after 1 ms\n" },
  { "not closed, but answered",
    "session\n mail => closed\n",
    R ("Z:"),
    FAILED,
    "2: reply to mail <sender@example.com> / closed / continue after 1 ms\n" },
  { "not closed, nothing at all",
    "session\n mail => closed within 1s\n rcpt\n",
    R ("M:"),
    FAILED,
    "2: reply to mail <sender@example.com> / closed within 1s / nothing in 1 s: the milter did not "
    "answer mail\n" },
  { "a frame that closes",
    "mta exact\nsession\n negotiate\n frame D \"Mi\\0\" => closed\n",
    R ("D:close"),
    HELD,
    "" },
  { "bytes that do not close",
    "mta exact\nsession\n negotiate\n raw \"\\0\\0\\0\\x10M<a\" => closed within 1s\n",
    R ("Z:"),
    FAILED,
    "4: reply to raw bytes / closed within 1s / nothing in 1 s\n" },
  { "bytes that are answered by bytes",
    "session\n mail => raw \"\\xff\\xff\\xff\\xff\"\n",
    R ("M:raw:\xff\xff\xff\xff"),
    HELD,
    "" },
};

Test (player_judge, ends_of_the_connection) { fake_check (ends, G_N_ELEMENTS (ends)); }

static const FakeCase unasked[] = {
  { "abort is not answered", "session\n mail\n abort => none\n rcpt\n", R ("Z:"), HELD, "" },
  { "abort that is answered",
    "session\n mail\n abort\n quit\n",
    R ("A:c"),
    BROKEN,
    "4: reply to quit / closed / continue after 1 ms: nobody asked for an answer after quit (end "
    "of "
    "the connection); an earlier one may be the one too many\n" },
  { "fields that are answered though that was negotiated away",
    "session\n header A: 1\n header B: 2\n eom\n quit\n",
    R ("O:neg 6 0 0x80", "L:c"),
    BROKEN,
    "4: what came after eoh (end of headers) / nothing more from the milter / continue after 1 ms: "
    "nobody asked for an answer after eoh (end of headers); the milter negotiated NR_HDR and owes "
    "no answer there\n" },
  { "abort that is answered, as expected",
    "session\n mail\n abort => continue\n quit\n",
    R ("A:c"),
    HELD,
    "" },
  { "abort that is not answered",
    "session\n mail\n abort => continue\n quit\n",
    R ("Z:"),
    FAILED,
    "3: reply to abort / continue / nothing in 30 s\n" },
  { "a second reply, seen at the end",
    "mta exact\nsession\n negotiate\n connect\n",
    R ("C:c;@100;c"),
    BROKEN,
    "4: what came after connect / nothing more from the milter / continue after 102 ms: nobody "
    "asked for an answer after connect\n" },
  { "a second reply, seen behind quit",
    "session\n mail\n",
    R ("Q:c;close"),
    BROKEN,
    "2: reply to quit (end of the connection) / closed / continue after 1 ms: nobody asked for an "
    "answer after quit (end of the connection); an earlier one may be the one too many\n" },
  { "an answer to quit that is let pass",
    "session\n mail\n",
    R ("Q:c;close", "?:"),
    HELD,
    "" },
  { "an answer to quit that is let pass, and is one too many",
    "session\n mail\n",
    R ("Q:c;c;close", "?:"),
    BROKEN,
    "2: reply to quit (end of the connection) / closed / continue after 2 ms: nobody asked for an "
    "answer after quit (end of the connection); an earlier one may be the one too many\n" },
  { "an answer to quit that is let pass, if a line wants the end",
    "session\n mail\n quit => closed\n",
    R ("Q:c;close", "?:"),
    BROKEN,
    "3: reply to quit / closed / continue after 1 ms: nobody asked for an answer after quit (end "
    "of the connection); an earlier one may be the one too many\n" },
  { "an edit behind the end of the message",
    "mta exact\nsession\n negotiate\n mail\n rcpt\n eom\n",
    R ("E:c;hX|y|"),
    BROKEN,
    "6: what came after eom (end of message) / nothing more from the milter / add-header X: y "
    "after "
    "2 ms: add-header may only come before the answer to eom (end of message)\n" },
  { "an edit outside the end of the message",
    "session\n mail\n",
    R ("M:hX|y|;c"),
    BROKEN,
    "2: edits at mail <sender@example.com> / no edit / add-header X: y after 1 ms: add-header may "
    "only come at the end of the message, not after mail\n" },
  { "an edit outside the end of the message, as expected",
    "session\n mail\n => add-header X: y\n => continue\n",
    R ("M:hX|y|;c"),
    HELD,
    "" },
  { "another one than expected",
    "session\n mail\n => add-header Z: y\n => continue\n",
    R ("M:hX|y|;c"),
    BROKEN,
    "2: edits at mail <sender@example.com> / no edit / add-header X: y after 1 ms: add-header may "
    "only come at the end of the message, not after mail\n" },
  { "progress outside the end of the message",
    "session\n mail\n",
    R ("M:p;c"),
    BROKEN,
    "2: edits at mail <sender@example.com> / no edit / progress after 1 ms: progress may only come "
    "at the end of the message, not after mail\n" },
  { "what answers a frame is not judged",
    "session\n helo\n frame M \"<a@b>\\0\"\n rcpt\n eom\n",
    R ("M:@300;r"),
    HELD,
    "" },
  { "what answers bytes is not judged, the next command is",
    "session\n helo\n raw \"\\0\\0\\0\\x01T\"\n mail => accept\n",
    R ("T:r", "M:a"),
    HELD,
    "" },
};

static const FakeCase unjudged[] = {
  { "bytes that no line speaks of, at the end",
    "session\n helo\n raw \"\\0\\0\\0\\x01T\"\n",
    R ("T:r"),
    HELD,
    "" },
  { "bytes that close the connection, and no line speaks of it",
    "mta exact\nsession\n negotiate\n raw \"\\0\\0\\0\\x01T\"\n",
    R ("T:close"),
    HELD,
    "" },
  { "the same, with a line behind it",
    "mta exact\nsession\n negotiate\n raw \"\\0\\0\\0\\x01T\"\n mail\n",
    R ("T:close"),
    FAILED,
    "5: reply to mail <sender@example.com> / to be sent / not reached: the connection is over "
    "since "
    "line 4\n" },
  { "frames without a line between them are all waited for",
    "session\n mail\n frame R \"<a@b>\\0\"\n frame R \"<c@d>\\0\"\n data => continue\n",
    R ("R1:r", "R2:@50;r"),
    HELD,
    "" },
  { "recipients by frame count as accepted",
    "session\n mail\n frame R \"<a@b>\\0\"\n data => continue\n",
    R ("Z:"),
    HELD,
    "" },
  { "a chain's name where there is no chain",
    "session\n mail => from dkim reject\n",
    R ("Z:"),
    FAILED,
    "2: reply to mail <sender@example.com> / from dkim reject / there is no milter called dkim; "
    "the one that there is has no name\n" },
  { "quit-nc that the milter does not know begins no session",
    "session\n mail\n quit-nc\n rcpt\n",
    R ("O:neg 4 0 0"),
    HELD,
    "" },
  { "more edits than anybody can keep",
    "session\n eom\n",
    R ("E:frames 9000 hX|y|;c"),
    BROKEN,
    "2: edits at eom / at most 4194304 bytes of edits / add-header X: y after 1 ms\n" },
};

Test (player_judge, what_is_not_judged_and_what_has_to_be)
{
  fake_check (unjudged, G_N_ELEMENTS (unjudged));
}

Test (player_judge, what_nobody_asked_for) { fake_check (unasked, G_N_ELEMENTS (unasked)); }

static const FakeCase edits[] = {
  { "edits in order",
    "session\n eom\n => add-header X-Checked: yes\n => delete-header Y\n => ordered\n => accept\n",
    R ("E:hX-Checked|yes|;q|;m||||Y||;a"),
    HELD,
    "" },
  { "edits in another order",
    "session\n eom\n => add-header X-Checked: yes\n => delete-header Y\n => ordered\n => accept\n",
    R ("E:m||||Y||;hX-Checked|yes|;a"),
    FAILED,
    "5: edits at eom / add-header X-Checked: yes, then delete-header Y / delete-header 0 Y; "
    "add-header X-Checked: yes\n" },
  { "edits that are missing",
    "session\n eom\n => add-header X-Checked: yes\n => quarantine\n => accept\n",
    R ("E:m|||\1Y|z|;hX-Checked|no|;a"),
    FAILED,
    "3: edits at eom / add-header X-Checked: yes / change-header 1 Y: z; add-header X-Checked: no\n"
    "4: edits at eom / quarantine / change-header 1 Y: z; add-header X-Checked: no\n" },
  { "no edit at all",
    "session\n eom => add-header X\n",
    R ("Z:"),
    FAILED,
    "2: edits at eom / add-header X / no edit\n" },
  { "one too many",
    "session\n eom\n => add-header X\n => only\n",
    R ("E:hX|y|;p;q|;c"),
    FAILED,
    "4: edits at eom / no edit besides those expected (only) / quarantine \"\" after 3 ms\n" },
  { "one that may not be",
    "session\n eom\n => add-header X\n => no add-header X\n",
    R ("E:hX|y|;hX|z|;c"),
    FAILED,
    "4: edits at eom / no add-header X / add-header X: z after 2 ms\n" },
  { "the leading blank is part of the value if that was agreed",
    "session\n eom\n => add-header X: y\n => add-header Z: \" v\"\n",
    R ("O:neg 6 0 0x100000", "E:hX|y|;hZ|  v|;c"),
    FAILED,
    "3: edits at eom / add-header X: y / add-header X: y (without a blank behind the colon); "
    "add-header Z: \" v\"\n" },
  { "an edit that the MTA refuses",
    "mta postfix\nsession\n body \"x\"\n eom\n",
    R ("E:bhello ;hX|y|;bworld;c"),
    BROKEN,
    "4: edits at eom / no edit / replace-body \"world\" after 3 ms: postfix would refuse it: "
    "replace-body: another edit came between this and the body before it, which Postfix "
    "refuses\n" },
  { "an edit that the MTA refuses is not held because a line expects it",
    "mta postfix\nsession\n body \"x\"\n eom\n => replace-body \"hello \"\n => add-header X: y\n"
    " => no progress\n => replace-body world\n",
    R ("E:bhello ;hX|y|;bworld;c"),
    BROKEN,
    "4: edits at eom / no edit / replace-body \"world\" after 3 ms: postfix would refuse it: "
    "replace-body: another edit came between this and the body before it, which Postfix "
    "refuses\n" },
  { "… but by one that spells it out",
    "mta postfix\nsession\n body \"x\"\n eom\n => replace-body \"hello \"\n => add-header X: y\n"
    " => frame b world\n",
    R ("E:bhello ;hX|y|;bworld;c"),
    HELD,
    "" },
  { "exact, which no MTA is, takes what sendmail takes",
    "mta exact\nsession\n negotiate\n mail a\n rcpt b\n eoh\n body \"x\"\n eom\n"
    " => replace-body \"hello \"\n => add-header X: y\n => replace-body world\n",
    R ("E:bhello ;hX|y|;bworld;c"),
    HELD,
    "" },
  { "a malformed edit",
    "session\n eom\n",
    R ("E:hX|y;c"),
    BROKEN,
    "2: edits at eom / edits that can be read / frame h \"X\\0y\" after 1 ms: add-header "
    "(SMFIR_ADDHEADER): value at offset 2 has no terminating NUL\n" },
};

Test (player_judge, edits) { fake_check (edits, G_N_ELEMENTS (edits)); }

static const FakeCase results[] = {
  { "the message as delivered",
    "session\n header X: y\n body \"hi\\r\\n\"\n eom\n => result <<END\n X: y\n Z: 1\n\n hi\n "
    "END\n",
    R ("E:hZ|1|;c"),
    HELD,
    "" },
  { "another message",
    "session\n header X: y\n body \"hi\\r\\n\"\n eom\n => result <<END\n X: y\n Z: 2\n\n hi\n "
    "END\n",
    R ("E:hZ|1|;c"),
    FAILED,
    "5: result / line 2: \"Z: 2\" / line 2: \"Z: 1\"\n"
    "  \"X: y\"\n- \"Z: 2\"\n+ \"Z: 1\"\n  \"\"\n  \"hi\"\n" },
  { "no message",
    "session\n eom\n => reject\n => result <<END\n X: y\n\n END\n",
    R ("E:r"),
    FAILED,
    "4: result / a message that is delivered / no message is delivered\n" },
};

Test (player_judge, results) { fake_check (results, G_N_ELEMENTS (results)); }

static const FakeCase options[] = {
  { "a legal answer", "session\n negotiate version=4\n", R ("O:neg 4 0x3f 0x37f"), HELD, "" },
  { "version above the offer",
    "session\n negotiate version=4\n",
    R ("O:neg 6 0 0"),
    BROKEN,
    "2: reply to negotiate / negotiate, legal for the offer / "
    "negotiate version=6 actions=none steps=none after 1 ms: the milter answered version 6 to an "
    "offer of 4; 2 to 4 would be right\n" },
  { "as expected, though not legal",
    "session\n negotiate => negotiate version=7\n",
    R ("O:neg 7 0 0"),
    HELD,
    "" },
  { "expected, but not what is illegal",
    "session\n negotiate => negotiate version=2..6\n",
    R ("O:neg 6 0x1000 0"),
    BROKEN,
    "2: reply to negotiate / negotiate version=2..6 / negotiate "
    "version=6 actions=0x1000 steps=none after 1 ms: the milter took actions that were not "
    "offered: "
    "0x1000\n" },
  { "flags and lists",
    "session\n negotiate => negotiate version=6 actions=ADDHDRS steps=+NR_HDR,-NOBODY "
    "symbols-connect=\"j {client_addr}\"\n",
    R ("O:neg 6 1 0x80 0=j,{client_addr}"),
    HELD,
    "" },
  { "other flags",
    "session\n negotiate => negotiate steps=-NOBODY\n",
    R ("O:neg 6 1 0x10"),
    FAILED,
    "2: reply to negotiate / negotiate steps=-NOBODY / negotiate "
    "version=6 actions=ADDHDRS steps=NOBODY after 1 ms\n" },
};

Test (player_judge, options) { fake_check (options, G_N_ELEMENTS (options)); }
