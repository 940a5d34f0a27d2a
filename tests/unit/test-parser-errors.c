/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-parser-errors.c: what a writer is told of each kind of mistake, to the letter.
 */
#include <criterion/criterion.h>

#include "scenario-dump.h"

static const struct
{
  const char *text;
  const char *errors;
} mistakes[] = {
  { "", "t:1:1: expected a session, got the end of the file\n" },
  { "# nothing\n", "t:1:1: expected a session, got the end of the file\n" },
  { "mta postfix\n", "t:1:1: expected a session, got the end of the file\n" },
  { "mta exim\n", "t:1:5: expected postfix, postfix-3.12, postfix-local, sendmail, plain or exact, got \"exim\"\n" },
  { "mta\n", "t:1:4: expected postfix, postfix-3.12, postfix-local, sendmail, plain or exact, got the end of the line\n" },
  { "mta postfix x\n session\n",
    "t:1:13: expected the end of the line behind \"mta postfix|sendmail|plain|exact\", got "
    "\"x\"\n" },
  { "rcpt <x>\nsession\n", "t:1:1: expected \"session\" before the first command, got \"rcpt\"\n" },
  { "=> accept\nsession\n",
    "t:1:1: expected a command that is answered before \"=>\", got \"=>\"\n" },
  { "session\n=> accept\n",
    "t:2:1: expected a command that is answered before \"=>\", got \"=>\"\n" },
  { "session\nmessage\n=> accept\n",
    "t:3:1: expected a command that is answered before \"=>\", got \"=>\"\n" },
  { "session\ntimeout 1s => accept\n",
    "t:2:12: expected the end of the line behind \"timeout DURATION\", got \"=>\"\n" },
  { "session\nrctp <x>\n", "t:2:1: expected a verb (\"rcpt\"?), got \"rctp\"\n" },
  { "session\n  RCPT <x>\n", "t:2:3: expected a verb (\"rcpt\"?), got \"RCPT\"\n" },
  { "session\nqqqqqqqq\n", "t:2:1: expected a verb, got \"qqqqqqqq\"\n" },
  { "session\naccept\n", "t:2:1: expected \"=>\" before an answer, got \"accept\"\n" },
  { "session\nadd-header X\n", "t:2:1: expected \"=>\" before an answer, got \"add-header\"\n" },
  { "session\nspawn x\n", 
    "t:2:1: expected a line of a session (this one stands before the first one), got "
    "\"spawn\"\n" },
  { "session\nstall 1\n=> foo\n=> and /x/\n=> accept\n",
    "t:2:7: expected a duration with its unit, as 200ms, 1.5s or 2m, got \"1\"\nt:3:4: expected an "
    "answer, as accept, 451 or add-header, got \"foo\"\n" },
  { "session\non rcpt => accept | reject\n", "t:2:19: expected the end of the line, got \"|\"\n" },
  { "session\nstart 2026-11-22T14:56:23Z\n",
    "t:2:1: expected a line of a session (this one stands before the first one), got \"start\"\n" },
  { "@1 data\n", "t:1:4: expected \"session\" before the first command, got \"data\"\n" },
  { "session a b\ndata\n",
    "t:1:11: expected the end of the line behind \"session [NAME] [from=ADDRESS] "
    "[to=ADDRESS]\" (a name of several words is quoted), got \"b\"\n" },
  { "session 'a'x\n",
    "t:1:12: expected a blank or the end of the line behind a quoted text, got \"x\"\n" },
  { "session\nconnect a b c\n",
    "t:2:13: expected \"=>\" or the end of the line behind \"connect [HOST [ADDRESS]] "
    "[port=N]\", got \"c\"\n" },
  { "session\nconnect a port=65536\n",
    "t:2:11: expected a port from 0 to 65535, got \"port=65536\"\n" },
  { "session\nconnect a port=x\n", "t:2:11: expected a port from 0 to 65535, got \"port=x\"\n" },
  { "session\nconnect port=1 port=2\n", "t:2:16: expected one port, got \"port=2\"\n" },
  { "session\nhelo a b\n",
    "t:2:8: expected \"=>\" or the end of the line behind \"helo [NAME]\" (a text of several "
    "words is quoted), got \"b\"\n" },
  { "session\ndata x\n",
    "t:2:6: expected \"=>\" or the end of the line behind \"data\", got \"x\"\n" },
  { "session\nquit now\n",
    "t:2:6: expected \"=>\" or the end of the line behind \"quit\", got \"now\"\n" },
  { "session\neoh => accept => reject\n", "t:2:15: expected the end of the line, got \"=>\"\n" },
  { "session\nunknown\n", "t:2:8: expected \"unknown LINE\", got the end of the line\n" },
  { "session\nunknown => any\n", "t:2:9: expected \"unknown LINE\", got \"=>\"\n" },
  { "session\nunknown FOO => any\n",
    "t:2:13: expected quotes around a value that holds \" => \", got \"=>\"\n" },
  { "session\nunknown \"a\" b\n",
    "t:2:13: expected \"=>\" or the end of the line behind \"unknown LINE\" (a text of several "
    "words is quoted), got \"b\"\n" },
  { "session\nheader\n", "t:2:7: expected \"header NAME: VALUE\", got the end of the line\n" },
  { "session\nheader X\n",
    "t:2:9: expected a colon behind the name of the field, got the end of the line\n" },
  { "session\nheader X y: z\n",
    "t:2:9: expected a colon behind the name of the field, got \"y:\"\n" },
  { "session\nheader X: a => accept\n",
    "t:2:13: expected quotes around a value that holds \" => \", got \"=>\"\n" },
  { "session\nheader \"X\"y: z\n",
    "t:2:11: expected a blank or the end of the line behind a quoted text, got \"y:\"\n" },
  { "session\nbody\n", "t:2:5: expected \"body TEXT|<<WORD\", got the end of the line\n" },
  { "session\nbody a b\n",
    "t:2:8: expected \"=>\" or the end of the line behind \"body TEXT|<<WORD\" (a text of "
    "several words is quoted), got \"b\"\n" },
  { "session\nbody <<END\n x\n",
    "t:2:6: expected a line \"END\" below that ends the here-document, got the end of the "
    "file\n" },
  { "session\neom a b\n",
    "t:2:7: expected \"=>\" or the end of the line behind \"eom [TEXT|<<WORD]\" (a text of "
    "several words is quoted), got \"b\"\n" },
  { "session\neml\n", "t:2:4: expected a file or <<WORD, got the end of the line\n" },
  { "session\neml nowhere.eml\n",
    "t:2:5: expected a file that can be read, got \"nowhere.eml\": No such file or directory\n" },
  { "session\neml .\n", "t:2:5: expected a file that can be read, got a directory\n" },
  { "session\neml secret/x\n",
    "t:2:5: expected a file that can be read, got \"secret/x\": No such file or directory\n" },
  { "session\neml \"\"\n", "t:2:5: expected the name of a file, got \"\"\"\"\n" },
  { "session\neml \"a\\0b\"\n", "t:2:5: expected the name of a file, got \"\"a\\0b\"\"\n" },
  { "session\neml /dev/zero\n", "t:2:5: expected a file that can be read, got a device\n" },
  { "session\neml a b\n",
    "t:2:5: expected a file that can be read, got \"a\": No such file or directory\n" },
  { "session\nframe\n",
    "t:2:6: expected a letter, or one byte as \"\\x07\", got the end of the line\n" },
  { "session\nframe ab\n", "t:2:7: expected a letter, or one byte as \"\\x07\", got \"ab\"\n" },
  { "session\nframe \\x4\n", "t:2:7: expected a letter, or one byte as \"\\x07\", got \"\\x4\"\n" },
  { "session\nframe A b c\n",
    "t:2:11: expected \"=>\" or the end of the line behind \"frame LETTER [BYTES]\" (a text of "
    "several words is quoted), got \"c\"\n" },
  { "session\nraw\n", "t:2:4: expected bytes, got the end of the line\n" },
  { "session\nraw a b\n",
    "t:2:7: expected \"=>\" or the end of the line behind \"raw BYTES\" (a text of several "
    "words is quoted), got \"b\"\n" },
  { "session\nmacro\n",
    "t:2:6: expected the command whose macros these are, as connect, mail or eom, got the end "
    "of the line\n" },
  { "session\nmacro stage\n",
    "t:2:7: expected the command whose macros these are, as connect, mail or eom, got "
    "\"stage\"\n" },
  { "session\nmacro mail x\n", "t:2:12: expected a macro as NAME=VALUE, or -NAME, got \"x\"\n" },
  { "session\nmacro mail -\n", "t:2:12: expected a macro as NAME=VALUE, or -NAME, got \"-\"\n" },
  { "session\nmacro mail \"a=b\"\n",
    "t:2:12: expected a macro as NAME=VALUE, or -NAME, got \"\"a=b\"\"\n" },
  { "macro mail i=1 => none\nsession\n",
    "t:1:16: expected the end of the line behind \"macro STAGE [NAME=VALUE…] [-NAME…]\", got "
    "\"=>\"\n" },
  { "session\nnegotiate foo\n",
    "t:2:11: expected version=, actions=, steps=, symbols-STAGE= or tail=, got \"foo\"\n" },
  { "session\nnegotiate version=x\n", "t:2:19: expected a version, got \"x\"\n" },
  { "session\nnegotiate version=2..4\n", "t:2:19: expected a version, got \"2..4\"\n" },
  { "session\nnegotiate version=2 version=2\n",
    "t:2:21: expected one version, got \"version=2\"\n" },
  { "session\nnegotiate actions=ADDHDRS,FOO\n",
    "t:2:27: expected the name of an action, 0x…, all or none, got \"FOO\"\n" },
  { "session\nnegotiate actions=ADDHDRS,\n",
    "t:2:27: expected the name of an action, 0x…, all or none, got the end of the line\n" },
  { "session\nnegotiate steps=+SKIP,NODATA\n",
    "t:2:23: expected a sign before every item, or before none, got \"NODATA\"\n" },
  { "session\nnegotiate steps=0x100000000\n",
    "t:2:17: expected the name of a step, 0x…, all or none, got \"0x100000000\"\n" },
  { "session\nnegotiate steps=SKIP steps=SKIP\n",
    "t:2:22: expected one list of each kind, got \"steps=SKIP\"\n" },
  { "session\nnegotiate symbols=all\n",
    "t:2:11: expected symbols=none or symbols-STAGE=…, got \"symbols=all\"\n" },
  { "session\nnegotiate symbols=none symbols-mail=x\n",
    "t:2:24: expected either lists or symbols=none, got \"symbols-mail=x\"\n" },
  { "session\nnegotiate symbols-foo=x\n",
    "t:2:11: expected symbols-STAGE of connect, helo, mail, rcpt, data, eom, eoh or a number, "
    "got \"symbols-foo=x\"\n" },
  { "session\nnegotiate tail=a tail=b\n", "t:2:18: expected one tail, got \"tail=b\"\n" },
  { "session\nnegotiate \"version=2\"\n",
    "t:2:11: expected version=, actions=, steps=, symbols-STAGE= or tail=, got "
    "\"\"version=2\"\"\n" },
  { "session\ntimeout\n",
    "t:2:8: expected a duration with its unit, as 200ms, 1.5s or 2m, got the end of the line\n" },
  { "session\ntimeout 10\n",
    "t:2:9: expected a duration with its unit, as 200ms, 1.5s or 2m, got \"10\"\n" },
  { "session\ntimeout 0s\n",
    "t:2:9: expected a duration with its unit, as 200ms, 1.5s or 2m, got \"0s\"\n" },
  { "session\ntimeout 1s 2s\n",
    "t:2:12: expected the end of the line behind \"timeout DURATION\", got \"2s\"\n" },
  { "let\n",
    "t:1:4: expected the name of a variable (letters, digits and _), got the end of the line\n" },
  { "let 1a b\n", "t:1:5: expected the name of a variable (letters, digits and _), got \"1a\"\n" },
  { "let a\n", "t:1:6: expected a value (\"\" is an empty one), got the end of the line\n" },
  { "let port 1\n",
    "t:1:5: expected a name that is not one of the language's own variables, got \"port\"\n" },
  { "let a b c\n",
    "t:1:9: expected the end of the line behind \"let NAME VALUE\" (a text of several words is "
    "quoted), got \"c\"\n" },
  { "let \"a\" b\n",
    "t:1:5: expected the name of a variable (letters, digits and _), got \"\"a\"\"\n" },
  { "session\nmessage a b\n",
    "t:2:11: expected the end of the line behind \"message [NAME]\" (a text of several words "
    "is quoted), got \"b\"\n" },
  { "session\neom\n  => \n",
    "t:3:6: expected an answer, as accept, 451 or add-header, got the end of the line\n" },
  { "session\neom\n  => acept\n", "t:3:6: expected an answer (\"accept\"?), got \"acept\"\n" },
  { "session\neom\n  => foo\n",
    "t:3:6: expected an answer, as accept, 451 or add-header, got \"foo\"\n" },
  { "session\neom\n  => 250 ok\n",
    "t:3:6: expected a code as 451, 550, 4xx or 5xx, got \"250\"\n" },
  { "session\neom\n  => 45\n", "t:3:6: expected a code as 451, 550, 4xx or 5xx, got \"45\"\n" },
  { "session\neom\n  => 4x x y\n", "t:3:6: expected a code as 451, 550, 4xx or 5xx, got \"4x\"\n" },
  { "session\neom\n  => 451 mailbox busy\n",
    "t:3:18: expected \"|\", \"within\" or the end of the line (a text of several words is "
    "quoted), got \"busy\"\n" },
  { "session\neom\n  => 451 a \"b\"\n",
    "t:3:12: expected \"|\", \"within\" or the end of the line (a text of several words is "
    "quoted), got \"\"b\"\"\n" },
  { "session\neom\n  => 451 \"a\" b\n",
    "t:3:14: expected \"|\", \"within\" or the end of the line (a text of several words is "
    "quoted), got \"b\"\n" },
  { "session\neom\n  => 451 4.7 x\n",
    "t:3:14: expected \"|\", \"within\" or the end of the line (a text of several words is "
    "quoted), got \"x\"\n" },
  { "session\neom\n  => accept within\n",
    "t:3:19: expected a duration with its unit, as 200ms, 1.5s or 2m, got the end of the line\n" },
  { "session\neom\n  => accept within 5\n",
    "t:3:20: expected a duration with its unit, as 200ms, 1.5s or 2m, got \"5\"\n" },
  { "session\neom\n  => accept within 1s 2s\n",
    "t:3:23: expected the end of the line, got \"2s\"\n" },
  { "session\neom\n  => accept |\n",
    "t:3:14: expected an answer, as accept, 451 or add-header, got the end of the line\n" },
  { "session\neom\n  => | accept\n",
    "t:3:6: expected an answer, as accept, 451 or add-header, got \"|\"\n" },
  { "session\neom\n  => accept | add-header X\n",
    "t:3:15: expected a reply, as before \"|\", got \"add-header\"\n" },
  { "session\neom\n  => add-header X | accept\n",
    "t:3:21: expected an edit, as before \"|\", got \"accept\"\n" },
  { "session\n eom\n => frame h \"X\\0y\\0\" | continue\n",
    "t:3:24: expected an edit, as before \"|\", got \"continue\"\n" },
  { "session\neom\n  => add-header X within 1s\n",
    "t:3:19: expected the end of the line (the reply that follows the edits has a time), got "
    "\"within\"\n" },
  { "session\neom\n  => accept reject\n",
    "t:3:13: expected \"|\", \"within\" or the end of the line behind \"=> accept\", got "
    "\"reject\"\n" },
  { "session\neom\n  => any x\n",
    "t:3:10: expected \"|\", \"within\" or the end of the line behind \"=> any\", got \"x\"\n" },
  { "session\neom\n  => none x\n",
    "t:3:11: expected \"|\", \"within\" or the end of the line behind \"=> none\", got \"x\"\n" },
  { "session\neom\n  => within 1s\n",
    "t:3:6: expected an answer, as accept, 451 or add-header, got \"within\"\n" },
  { "session\neom\n  => from\n",
    "t:3:10: expected the name of a milter, got the end of the line\n" },
  { "session\neom\n  => from x\n",
    "t:3:12: expected an answer, as accept, 451 or add-header, got the end of the line\n" },
  { "session\neom\n  => from x only\n",
    "t:3:13: expected an answer or \"no EDIT\" behind \"from\", got \"only\"\n" },
  { "session\neom\n  => no\n",
    "t:3:8: expected an answer, as accept, 451 or add-header, got the end of the line\n" },
  { "session\neom\n  => no accept\n",
    "t:3:9: expected an edit, as \"no add-header X-Spam\", got \"accept\"\n" },
  { "session\neom\n  => no foo\n",
    "t:3:9: expected an answer, as accept, 451 or add-header, got \"foo\"\n" },
  { "session\neom\n  => only x\n", "t:3:11: expected the end of the line, got \"x\"\n" },
  { "session\neom\n  => ordered x\n", "t:3:14: expected the end of the line, got \"x\"\n" },
  { "session\neom\n  => and x\n",
    "t:3:6: expected an answer above, which this is a condition on, got \"and\"\n" },
  { "session\neom\n  => add-header\n",
    "t:3:16: expected \"=> add-header NAME[: VALUE]\", got the end of the line\n" },
  { "session\neom\n  => add-header 1 X: y\n",
    "t:3:19: expected \"|\" or the end of the line behind \"=> add-header NAME[: VALUE]\", got "
    "\"X:\"\n" },
  { "session\neom\n  => add-header X-*: y\n",
    "t:3:17: expected the name of a header field, without stars (a star itself is \\*), got "
    "\"X-*:\"\n" },
  { "session\neom\n  => add-header X: a | b\n",
    "t:3:22: expected quotes around a value that holds \" | \", got \"|\"\n" },
  { "session\neom\n  => insert-header 99999999999 X\n",
    "t:3:20: expected a number below 4294967296, got \"99999999999\"\n" },
  { "session\neom\n  => insert-header 1\n",
    "t:3:21: expected \"=> insert-header [N] NAME[: VALUE]\", got the end of the line\n" },
  { "session\neom\n  => delete-header X: y\n",
    "t:3:20: expected the name of a field, without a colon, got \"X:\"\n" },
  { "session\neom\n  => change-header 1 2 X\n",
    "t:3:24: expected \"|\" or the end of the line behind \"=> change-header [N] NAME[: "
    "VALUE]\", got \"X\"\n" },
  { "session\neom\n  => replace-body a b\n",
    "t:3:21: expected \"|\" or the end of the line behind \"=> replace-body [TEXT|<<WORD]\" (a "
    "text of several words is quoted), got \"b\"\n" },
  { "session\neom\n  => quarantine a b\n",
    "t:3:19: expected \"|\" or the end of the line behind \"=> quarantine [TEXT]\" (a text of "
    "several words is quoted), got \"b\"\n" },
  { "session\neom\n  => progress x\n",
    "t:3:15: expected \"|\" or the end of the line behind \"=> progress\", got \"x\"\n" },
  { "session\neom\n  => delete-rcpt a b\n",
    "t:3:20: expected \"|\" or the end of the line behind \"=> delete-rcpt [ADDRESS]\", got "
    "\"b\"\n" },
  { "session\neom\n  => result\n", "t:3:12: expected a file or <<WORD, got the end of the line\n" },
  { "session\neom\n  => result nowhere\n",
    "t:3:13: expected a file that can be read, got \"nowhere\": No such file or directory\n" },
  { "session\neom\n  => result <<E ignoring\nE\n",
    "t:3:25: expected names of fields, as Date,Message-ID, got the end of the line\n" },
  { "session\neom\n  => result <<E ignoring A, B\nE\n",
    "t:3:26: expected names of fields between commas, without blanks, got \"A,\"\n" },
  { "session\neom\n  => result <<E x\nE\n", "t:3:17: expected the end of the line, got \"x\"\n" },
  { "session\neom\n  => negotiate version=4..2\n",
    "t:3:24: expected a version or a range of them, as 6 or 2..4, got \"4..2\"\n" },
  { "session\neom\n  => negotiate symbols-mail=/(/\n",
    "t:3:16: expected a regular expression, got an error: at char 1: missing terminating )\n" },
  { "session\neom\n  => negotiate tail=/x/\n",
    "t:3:16: expected bytes, not a pattern, got \"tail=/x/\"\n" },
  { "session\neom\n  => 451 /(/\n",
    "t:3:10: expected a regular expression, got an error: at char 1: missing terminating )\n" },
  { "session\neom\n  => 451 /x\n",
    "t:3:10: expected a closing / of the regular expression (a text that begins with a slash "
    "is quoted), got the end of the line\n" },
  { "session\neom\n  => frame\n",
    "t:3:11: expected a letter, or one byte as \"\\x07\", got the end of the line\n" },
  { "session\neom\n  => frame c a b\n",
    "t:3:16: expected \"|\", \"within\" or the end of the line behind \"=> frame LETTER "
    "[BYTES]\" (a text of several words is quoted), got \"b\"\n" },
  { "session\neom\n  => raw\n", "t:3:9: expected bytes, got the end of the line\n" },
  { "session\neom\n  => reset after 3 bytes\n",
    "t:3:12: expected \"|\", \"within\" or the end of the line behind \"=> reset\", got "
    "\"after\"\n" },
  { "session\neom\n  => half-close\n",
    "t:3:6: expected an answer, as accept, 451 or add-header, got \"half-close\"\n" },
  { "session\neom\n  => stall 1s\n",
    "t:3:6: expected an answer, as accept, 451 or add-header, got \"stall\"\n" },
  { "session\neom\n  => <<END\n",
    "t:3:6: expected an answer, as accept, 451 or add-header, got \"<<END\"\n" },
  { "session\neom\n  => only | accept\n", "t:3:11: expected the end of the line, got \"|\"\n" },
  { "session\neom\n  => from \"x\" result y\n",
    "t:3:15: expected an answer or \"no EDIT\" behind \"from\", got \"result\"\n" },
  { "session\neom\n  => replace-body <<END\nx\n",
    "t:3:19: expected a line \"END\" below that ends the here-document, got the end of the "
    "file\n" },
  { "session\neom\n=> only\n=> and /x/\n",
    "t:4:4: expected an answer above, which this is a condition on, got \"and\"\n" },
  { "session\neom\n=> foo\n=> and /x/\n",
    "t:3:4: expected an answer, as accept, 451 or add-header, got \"foo\"\n" },
  { "session\neom\n=> accept\n=> and\n", "t:4:7: expected a pattern, got the end of the line\n" },
  { "session\neom\n=> accept\n=> and not\n",
    "t:4:11: expected a pattern, got the end of the line\n" },
  { "session\neom\n=> accept\n=> and not a b\n",
    "t:4:14: expected the end of the line, got \"b\"\n" },
  { "session\nfoo <<END\n  helo x\n  END\nbar\n",
    "t:2:1: expected a verb, got \"foo\"\nt:5:1: expected a verb, got \"bar\"\n" },
  { "session\ndata\n\xff\nhelo \"\n",
    "t:3:1: expected UTF-8, got the byte 0xff (written as \"\\xff\")\nt:4:6: expected a "
    "closing \", got the end of the line\n" },
};

Test (parser_errors, every_mistake_has_its_line)
{
  for (gsize i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      g_autofree char *got = dump_text ("t", mistakes[i].text, strlen (mistakes[i].text));

      cr_expect_str_eq (got,
                        mistakes[i].errors,
                        "%s\n-- gave --\n%s-- instead of --\n%s",
                        mistakes[i].text,
                        got,
                        mistakes[i].errors);
    }
}

Test (parser_errors, columns_count_characters)
{
  g_autofree char *got = dump_text ("t", "session \"\xc3\xa4\xe2\x82\xac\" x", 17);

  cr_assert_str_eq (got,
                    "t:1:14: expected the end of the line behind \"session [NAME] "
                    "[from=ADDRESS] [to=ADDRESS]\" (a name of several words is quoted), got "
                    "\"x\"\n");
}

Test (parser_errors, a_long_word_is_cut_in_the_report)
{
  g_autofree char *word = g_strnfill (1000000, 'x');
  g_autofree char *text = g_strdup_printf ("session\n%s\n", word);
  g_autofree char *got = dump_text ("t", text, strlen (text));

  cr_assert_str_eq (got,
                    "t:2:1: expected a verb, got "
                    "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…\"\n");
}

Test (parser_errors, twenty_of_them_are_told)
{
  g_autoptr (GString) text = g_string_new ("session\n");
  g_autofree char *got = NULL;

  for (int i = 0; i < 1000; i++)
    g_string_append (text, "zzz\n");
  got = dump_text ("t", text->str, text->len);
  cr_assert (g_str_has_suffix (got, "t:21:1: expected a verb, got \"zzz\"\n"));
}

/* ---- hostile sizes ---- */

static char *
load_repeated (const char *start, const char *line, gsize n)
{
  g_autoptr (GString) text = g_string_new (start);

  for (gsize i = 0; i < n; i++)
    g_string_append (text, line);
  return dump_text ("t", text->str, text->len);
}

Test (parser_errors, a_file_that_is_too_large_is_not_read)
{
  gsize size = MILTER_SCENARIO_MAX_FILE + 1;
  g_autofree char *text = g_strnfill (size, '\n');
  g_autoptr (GString) errors = g_string_new (NULL);

  cr_assert_null (milter_scenario_parse ("t", text, size, NULL, MILTER_SCENARIO_SESSIONS, errors));
  cr_assert_str_eq (errors->str, "t:1:1: expected a file of at most 64 MiB, got a larger one\n");
}

Test (parser_errors, the_longest_texts_many_times_are_too_much)
{
  g_autofree char *got = load_repeated ("session\n", "raw \"x\"*16M\n", 100);

  cr_assert (g_str_has_prefix (got, "t:17:12: expected a scenario that takes at most 256 MiB"));
  cr_assert_eq (strchr (got, '\n')[1], '\0');
}

Test (parser_errors, a_variable_that_doubles_is_bounded)
{
  g_autofree char *got = load_repeated ("let a xxxxxxxx\n", "let a $a$a\n", 100);

  cr_assert_not_null (strstr (got, "expected a text of at most 16 MiB, got a longer one"));
}

Test (parser_errors, more_steps_than_memory_are_too_many)
{
  g_autofree char *got = load_repeated ("session\n", "abort\n", 1000000);

  cr_assert_not_null (strstr (got, "expected a scenario that takes at most 256 MiB"));
}

Test (parser_errors, more_answers_than_memory_are_too_many)
{
  g_autofree char *got = load_repeated ("session\neom\n=> accept", " | accept", 1000000);

  cr_assert_not_null (strstr (got, "expected a scenario that takes at most 256 MiB"));
}

Test (parser_errors, more_stars_than_memory_are_too_many)
{
  g_autofree char *got
      = load_repeated ("session\neom\n", "=> quarantine \"*x\"*8M\n=> quarantine \"*\"*16M\n", 2);

  cr_assert_not_null (strstr (got, "expected a scenario that takes at most 256 MiB"), "%s", got);
}

Test (parser_errors, a_regex_is_not_longer_than_a_page)
{
  g_autofree char *regex = g_strnfill (1000000, 'x');
  g_autofree char *text = g_strdup_printf ("session\neom\n=> replace-body /%s/\n", regex);
  g_autofree char *got = dump_text ("t", text, strlen (text));

  cr_assert_str_eq (got,
                    "t:3:17: expected a regular expression, got an error: 1000000 bytes are "
                    "more than 65536\n");
}
