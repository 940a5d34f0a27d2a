/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-verbs.c: the rows of the language's table, and words that are nearly one of them.
 */
#include "milter-verbs.h"

#include <string.h>

#define TOP     MILTER_VERB_AT_TOP
#define SESSION MILTER_VERB_IN_SESSION
#define BOTH    MILTER_VERB_ANYWHERE
#define EXPECT  MILTER_VERB_EXPECTATION
#define ANSWER  MILTER_VERB_ANSWER

#define ROW(w, p, s, min, max, here, u, t, a, r)                                                   \
  {                                                                                                \
    .word = w, .places = p, .syntax = MILTER_SYNTAX_##s, .min_words = min, .max_words = max,       \
    .here_document = here, .usage = u, .summary = t, .absent = a, .remarks = r                     \
  }
#define MANY MILTER_VERB_ANY_NUMBER

/* clang-format off */
static const MilterVerb verbs[] = {
  /*   word             place    syntax       words   <<WORD  usage                                                             what it does;
       what holds where something is not written, remarks */
  ROW ("mta",           BOTH,    MTA,         1, 1,    FALSE, "mta postfix|sendmail|plain|exact",                               "chooses the MTA whose macros, offer, order and edit rules are played, for the file or for one session",
       "that of `--mta`, else `postfix`", "`postfix-3.12` and `postfix-local` are known, too"),
  ROW ("let",           BOTH,    LET,         2, 2,    FALSE, "let NAME VALUE",                                                 "sets a variable from here on; $NAME stands for it in bare words and in \"…\"",
       "", "`-D NAME=VALUE` of the command line wins"),
  ROW ("include",       BOTH,    INCLUDE,     1, 1,    FALSE, "include FILE",                                                   "the lines of another file instead of this one",
       "", "relative to the file that it stands in; 16 levels; a file that includes itself is an error"),
  ROW ("spawn",         TOP,     SPAWN,       1, MANY, FALSE, "spawn COMMAND [ARGUMENT…]",                                      "starts the milter under test in the folder of the scenario; it listens at $socket",
       "", "no shell; `$socket` is `unix:$path`, or `inet:$port@127.0.0.1` if `$port` occurs; `-s` and `--spawn` win"),
  ROW ("milter",        TOP,     MILTER,      2, MANY, FALSE, "milter NAME SPEC|spawn COMMAND [ARGUMENT…]",                     "a milter of a chain, in the order of the lines: one that listens at SPEC, or one that is started",
       "", "each started one has its own `$socket`"),
  ROW ("require",       BOTH,    REQUIRE,     1, MANY, FALSE, "require ipv6|unix|root|program NAME|file PATH|negotiate KEY=PATTERN…|probe NAME", "what has to be there, else the session, or every session of the file, is skipped",
       "", "of `negotiate` the answer of the milter decides; of `probe` what `--conformance` has found before"),
  ROW ("timeout",       BOTH,    TIMEOUT,     1, 1,    FALSE, "timeout DURATION",                                               "how long an answer may take from here on, 30s if nothing is said",
       "30s", ""),
  ROW ("session",       BOTH,    SESSION,     0, 1,    FALSE, "session [NAME] [from=ADDRESS] [to=ADDRESS]",                                           "begins a connection to the milter",
       "called by its number", "up to the next `session`, `on` or `expect`; the addresses are those of a recording"),
  ROW ("repeat",        BOTH,    PREFIX,      1, MANY, FALSE, "repeat N COMMAND|message|session …",                             "plays a command N times in turn, or a message or a session with all that belongs to it; $n is the round",
       "", "stands before `parallel`"),
  ROW ("parallel",      BOTH,    PREFIX,      0, MANY, FALSE, "parallel [N] session …",                                         "plays N copies of a session at once, together with the parallel sessions next to it; $p is the copy",
       "one copy", ""),
  ROW ("message",       SESSION, MESSAGE,     0, 1,    FALSE, "message [NAME]",                                                 "begins a message and names it; one that is still open is ended as RSET would",
       "called by its number", "without such a line each `mail` begins a message"),
  ROW ("negotiate",     SESSION, NEGOTIATE,   0, MANY, FALSE, "negotiate [version=N] [actions=LIST] [steps=LIST] [symbols-STAGE=NAMES] [tail=BYTES]", "offers a protocol version, actions and steps; without it the profile's offer is sent",
       "the offer of the MTA that is played", "a lower `version` alone offers what that version knows; `symbols=none`: no list"),
  ROW ("macro",         BOTH,    MACRO,       1, MANY, FALSE, "macro STAGE [NAME=VALUE…] [-NAME…]",                             "sets macros of a command, or takes them out: of the next such command, or at the top of the file of every one",
       "", "written with the next command of STAGE, on the macros of the MTA; `mta exact` sends exactly this frame, where it stands"),
  ROW ("connect",       SESSION, CONNECT,     0, 2,    FALSE, "connect [HOST [ADDRESS]] [port=N]",                              "a client connects: IPv4, IPv6, unix:PATH or unknown",
       "`client.example.com 192.0.2.1 port=50443`", "an ADDRESS with colons is IPv6"),
  ROW ("helo",          SESSION, WORDS,       0, 1,    FALSE, "helo [NAME]",                                                    "the client says HELO",
       "`client.example.com`", ""),
  ROW ("mail",          SESSION, WORDS,       0, MANY, FALSE, "mail [ADDRESS [ARGUMENT…]]",                                     "begins a message with its sender, sent as it is written",
       "`<sender@example.com>`", "brackets are not added; `\"\"` is the empty string"),
  ROW ("rcpt",          SESSION, WORDS,       0, MANY, FALSE, "rcpt [ADDRESS [ARGUMENT…]]",                                     "names a recipient, sent as it is written",
       "`<recipient@example.net>`", "as `mail`"),
  ROW ("data",          SESSION, WORDS,       0, 0,    FALSE, "data",                                                           "the envelope is complete",
       "", ""),
  ROW ("unknown",       SESSION, UNKNOWN,     1, 1,    FALSE, "unknown LINE",                                                   "a command that the MTA does not know; the rest of the line as it is",
       "", ""),
  ROW ("header",        SESSION, HEADER,      1, 1,    FALSE, "header NAME: VALUE",                                             "one header field; the rest of the line as it is",
       "", ""),
  ROW ("eoh",           SESSION, WORDS,       0, 0,    FALSE, "eoh",                                                            "the header is complete",
       "", ""),
  ROW ("body",          SESSION, WORDS,       1, 1,    TRUE,  "body TEXT|<<WORD",                                               "bytes of the body, cut where the data size requires it",
       "", "no frame if it is empty"),
  ROW ("eml",           SESSION, EML,         1, 1,    TRUE,  "eml FILE|<<WORD",                                                "header, end of header and body of a mail, as an MTA hands it over",
       "", "a leading `From ` line is dropped, LF becomes CRLF"),
  ROW ("eom",           SESSION, WORDS,       0, 1,    TRUE,  "eom [TEXT|<<WORD]",                                              "the message is complete; edits and the verdict are due",
       "no data in the frame", ""),
  ROW ("abort",         SESSION, WORDS,       0, 0,    FALSE, "abort",                                                          "cancels the message",
       "", ""),
  ROW ("quit",          SESSION, WORDS,       0, 0,    FALSE, "quit",                                                           "ends the connection",
       "", ""),
  ROW ("quit-nc",       SESSION, WORDS,       0, 0,    FALSE, "quit-nc",                                                        "ends the SMTP session; the next one begins with connect on the same connection",
       "", "the next session has no negotiation"),
  ROW ("frame",         SESSION, FRAME,       1, 2,    FALSE, "frame LETTER [BYTES]",                                           "a frame with any letter and any payload",
       "no payload", "LETTER may be one escape, as `\\x07`; nothing is checked"),
  ROW ("raw",           SESSION, RAW,         1, 1,    FALSE, "raw BYTES",                                                      "bytes as they are",
       "", "nothing is checked"),
  ROW ("generate",      SESSION, GENERATE,    1, 2,    FALSE, "generate size=N [seed=N]",                                       "a made-up mail with a body of N bytes: fields, end of the header and body, the same for the same seed",
       "`seed=1`", "sizes as `200`, `64k`, `1M`"),
  ROW ("send-as",       BOTH,    SEND_AS,     1, 2,    FALSE, "send-as whole|split N|random SEED|together",                     "how bytes are cut into writes from here on: as usual, in pieces of N bytes, in pieces of random size, or many commands in one write",
       "`send-as whole`", "verdicts do not change"),
  ROW ("stall",         SESSION, STALL,       1, MANY, FALSE, "stall DURATION [reading] [after N bytes]",                       "sends nothing for a time, or reads nothing for a time, now or when N bytes of the lines below are out",
       "", "`reading` counts from the next command"),
  ROW ("close",         SESSION, END,         0, 3,    FALSE, "close [after N bytes]",                                          "closes the connection, now or when N bytes of the lines below are out",
       "now", "nothing is sent after it"),
  ROW ("reset",         SESSION, END,         0, 3,    FALSE, "reset [after N bytes]",                                          "resets the connection, now or when N bytes of the lines below are out",
       "now", "RST; nothing is sent after it"),
  ROW ("half-close",    SESSION, END,         0, 3,    FALSE, "half-close [after N bytes]",                                     "closes the connection for sending, and goes on reading",
       "now", "nothing is sent after it; answers are still read"),
  ROW ("barrier",       SESSION, BARRIER,     1, 1,    FALSE, "barrier NAME",                                                   "waits until all parallel sessions that have this line are there or over",
       "", ""),
  ROW ("lost",          SESSION, LOST,        0, 1,    FALSE, "lost [N]",                                                       "bytes of a recording are missing here: the rest of the message is left out",
       "how many is not known", "from here on steps are filled in as with `postfix`"),

  ROW ("on",            BOTH,    RULE,        1, MANY, FALSE, "on EVENT [N] [PATTERN…] [{macro}=PATTERN…]",                     "a rule of a milter: what it does, in the \"=>\" lines below, when such an event comes",
       "any event of its kind", "the first rule that matches answers; without one `continue`"),
  ROW ("expect",        BOTH,    RULE,        2, MANY, FALSE, "expect RANGE EVENT [N] [PATTERN…] [{macro}=PATTERN…]",           "how many such events an MTA has to send in the whole run",
       "any event of its kind", "RANGE: `0`, `2`, `1..`, `2..5`"),
  ROW ("case",          BOTH,    CASE,        3, MANY, FALSE, "case ID must|should TEXT [source=TEXT] [mta=NAME] [hostile] [slow] [steady]",  "the sessions, or rules and what an SMTP client does, below it test this requirement of the protocol",
       "", "up to the next `case` or `mutant`; with `mta` it is asked of that MTA only; see [conformance.md](conformance.md)"),
  ROW ("mutant",        BOTH,    MUTANT,      1, 2,    FALSE, "mutant ID [also=ID,…]",                                          "the rules below it break this requirement, and with it those behind `also`",
       "", "up to the next `case` or `mutant`; `milter-test-client --mutant ID` plays them"),
  ROW ("smtp",          TOP,     SMTP,        1, 2,    FALSE, "smtp connect [ADDRESS]|say LINE|message TEXT|<<WORD|close",     "of a case for MTAs: what an SMTP client does; below it `=> PATTERN [| PATTERN…]`, the reply",
       "any reply", "`connect` is another connection, from an address of this machine; TEXT has its dots and its end added; the lines of a reply are joined by `\\n`, and `closed` is none"),
  ROW ("order",         TOP,     ORDER,       1, 3,    FALSE, "order [macros] [not] PATTERN",                                   "of a case for MTAs: the commands of each connection, as words; with `macros` those of macros, too",
       "", "as `negotiate connect helo mail rcpt data header:From eoh body eom abort quit closed`; macros are `macro:connect:j,{daemon_name}`, with `=` behind one that is empty"),
  ROW ("delivered",     TOP,     DELIVERED,   1, 2,    FALSE, "delivered none|[not] PATTERN",                                   "of a case for MTAs: the message as it was delivered, its lines ended by `\\n`",
       "", "before it `from ADDRESS` and a line `to ADDRESS` for each recipient"),
  ROW ("start",         TOP,     START,       1, 1,    FALSE, "start TIME",                                                     "when a recording began: what its +0 was",
       "", "RFC 3339, as `2026-11-22T14:56:23.101Z`"),

  ROW ("only",          EXPECT,  ONLY,        0, 0,    FALSE, "=> only",                                                        "no edit besides those that are expected",
       "", "alone: no edit at all; `progress` does not count"),
  ROW ("ordered",       EXPECT,  ORDERED,     0, 0,    FALSE, "=> ordered",                                                     "the expected edits come in the order of their lines",
       "", ""),
  ROW ("and",           EXPECT,  AND,         1, 2,    FALSE, "=> and [not] PATTERN",                                           "a further condition on the answer above",
       "", "on the value, the text or the body of that answer"),
  ROW ("no",            EXPECT,  NO,          1, MANY, FALSE, "=> no EDIT",                                                     "no edit like this one",
       "", "besides those that other lines expect"),
  ROW ("result",        EXPECT,  RESULT,      1, 3,    TRUE,  "=> result FILE|<<WORD [ignoring NAME,…]",                        "the message as the MTA would deliver it",
       "", "edits applied by the rules of the MTA; a file with LF counts as CRLF"),

  ROW ("continue",      ANSWER,  REPLY,       0, 0,    FALSE, "=> continue",                                                    "go on",
       "", ""),
  ROW ("accept",        ANSWER,  REPLY,       0, 0,    FALSE, "=> accept",                                                      "the message is taken",
       "", ""),
  ROW ("reject",        ANSWER,  REPLY,       0, 0,    FALSE, "=> reject",                                                      "refused for good, without a text",
       "", "is not a 5xx"),
  ROW ("tempfail",      ANSWER,  REPLY,       0, 0,    FALSE, "=> tempfail",                                                    "refused for now, without a text",
       "", "is not a 4xx"),
  ROW ("discard",       ANSWER,  REPLY,       0, 0,    FALSE, "=> discard",                                                     "taken and thrown away",
       "", ""),
  ROW ("skip",          ANSWER,  REPLY,       0, 0,    FALSE, "=> skip",                                                        "no more of the body is wanted",
       "", ""),
  ROW ("shutdown",      ANSWER,  REPLY,       0, 0,    FALSE, "=> shutdown",                                                    "421 and close",
       "", ""),
  ROW ("conn-fail",     ANSWER,  REPLY,       0, 0,    FALSE, "=> conn-fail",                                                   "a reply that no MTA takes",
       "", ""),
  ROW ("CODE",          ANSWER,  CODE,        0, MANY, FALSE, "=> CODE [X.Y.Z] [TEXT…]",                                        "refused with an SMTP reply: 451, 4xx, 550 5.7.1 \"no\"",
       "any text", "x is any digit; one TEXT: all lines joined by `\\n`; several, each quoted, a regex or `*`: one for each line. A rule has digits, and no text is sent as none; a code alone gets 4.0.0 or 5.0.0, as libmilter has it"),
  ROW ("negotiate",     ANSWER,  OPTIONS,     0, MANY, FALSE, "=> negotiate [version=RANGE] [actions=LIST] [steps=LIST] [symbols-STAGE=PATTERN|symbols=none] [tail=BYTES]", "the answer to the offer",
       "not compared", "flags without a sign: exactly these; with signs: set or not set; in a rule they change what is answered by itself"),
  ROW ("any",           ANSWER,  STATE,       0, 0,    FALSE, "=> any",                                                         "some reply",
       "", "one that an MTA would take; not in a rule"),
  ROW ("none",          ANSWER,  STATE,       0, 0,    FALSE, "=> none",                                                        "nothing for the grace time, or within the time that is said",
       "200ms", ""),
  ROW ("closed",        ANSWER,  STATE,       0, 0,    FALSE, "=> closed",                                                      "the milter ends the connection",
       "", "in a rule: `close`"),
  ROW ("reset",         ANSWER,  STATE,       0, 0,    FALSE, "=> reset",                                                       "the milter resets the connection",
       "", ""),
  ROW ("frame",         ANSWER,  FRAME,       1, 2,    FALSE, "=> frame LETTER [BYTES]",                                        "a frame, byte for byte",
       "no payload", "literally"),
  ROW ("raw",           ANSWER,  RAW,         1, 1,    FALSE, "=> raw BYTES",                                                   "bytes, as they are",
       "", "literally"),
  ROW ("add-header",    ANSWER,  EDIT_HEADER, 1, 1,    FALSE, "=> add-header NAME[: VALUE]",                                    "a field is added",
       "any value", "names match in any case; a rule has a value"),
  ROW ("insert-header", ANSWER,  EDIT_HEADER, 1, 2,    FALSE, "=> insert-header [N] NAME[: VALUE]",                             "a field is put in at a position",
       "any position, any value", "in a rule: position 0; a rule has a value"),
  ROW ("change-header", ANSWER,  EDIT_HEADER, 1, 2,    FALSE, "=> change-header [N] NAME[: VALUE]",                             "the Nth field of a name is changed",
       "any, any value", "in a rule: the first one; a rule has a value"),
  ROW ("delete-header", ANSWER,  EDIT_HEADER, 1, 2,    FALSE, "=> delete-header [N] NAME",                                      "the Nth field of a name is taken out",
       "any", "in a rule: the first one"),
  ROW ("replace-body",  ANSWER,  EDIT_TEXT,   0, 1,    TRUE,  "=> replace-body [TEXT|<<WORD]",                                  "the body is replaced",
       "any body", "frames and lines that follow each other count as one; a rule has a text, of which `\"\"` is one empty frame"),
  ROW ("quarantine",    ANSWER,  EDIT_TEXT,   0, 1,    FALSE, "=> quarantine [TEXT]",                                           "the message is held, with a reason",
       "any reason", "a rule has a reason"),
  ROW ("progress",      ANSWER,  EDIT_TEXT,   0, 0,    FALSE, "=> progress",                                                    "the milter asks for more time",
       "", ""),
  ROW ("change-from",   ANSWER,  EDIT_ADDRESS, 0, MANY, FALSE, "=> change-from [ADDRESS [ARGUMENT…]]",                          "the sender is changed",
       "any address, any arguments", "addresses compare without brackets; a rule has an address, sent as it is written"),
  ROW ("add-rcpt",      ANSWER,  EDIT_ADDRESS, 0, MANY, FALSE, "=> add-rcpt [ADDRESS [ARGUMENT…]]",                             "a recipient is added",
       "any address, any arguments", "as `change-from`"),
  ROW ("delete-rcpt",   ANSWER,  EDIT_ADDRESS, 0, 1,   FALSE, "=> delete-rcpt [ADDRESS]",                                       "a recipient is taken out",
       "any address", "as `change-from`"),
};
/* clang-format on */

const MilterVerb *
milter_verb_list (gsize *n)
{
  *n = G_N_ELEMENTS (verbs);
  return verbs;
}

const MilterVerb *
milter_verb_find (const char *word, guint places)
{
  for (gsize i = 0; i < G_N_ELEMENTS (verbs); i++)
    if (verbs[i].places & places && strcmp (verbs[i].word, word) == 0)
      return &verbs[i];
  return NULL;
}

/* longer words are no slips of the pen */
#define MAX_WORD 24

/* How many letters have to be put in, taken out, changed or swapped with the next one to make one
 * word of the other. */
static guint
edit_distance (const char *a, const char *b)
{
  guint rows[3][MAX_WORD + 1];
  gsize n_a = strlen (a), n_b = strlen (b);

  if (n_a > MAX_WORD || n_b > MAX_WORD)
    return G_MAXUINT;
  for (guint j = 0; j <= n_b; j++)
    rows[0][j] = j;
  for (guint i = 1; i <= n_a; i++)
    {
      guint *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

      now[0] = i;
      for (guint j = 1; j <= n_b; j++)
        {
          now[j] = MIN (last[j], now[j - 1]) + 1;
          now[j] = MIN (now[j], last[j - 1] + (a[i - 1] != b[j - 1]));
          if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
            now[j] = MIN (now[j], before[j - 2] + 1);
        }
    }
  return rows[n_a % 3][n_b];
}

const MilterVerb *
milter_verb_find_nearest (const char *word, guint places)
{
  g_autofree char *lower = g_ascii_strdown (word, -1);
  guint best_distance = (guint) (strlen (word) + 2) / 2;
  const MilterVerb *best = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (verbs); i++)
    {
      guint distance;

      if (!(verbs[i].places & places) || verbs[i].syntax == MILTER_SYNTAX_CODE)
        continue;
      distance = edit_distance (lower, verbs[i].word);
      if (distance < best_distance)
        {
          best = &verbs[i];
          best_distance = distance;
        }
    }
  return best;
}

const MilterSpec *
milter_verb_get_spec (const MilterVerb *verb)
{
  if (verb->syntax == MILTER_SYNTAX_CODE)
    return milter_spec_get (MILTER_SIDE_MILTER, MILTER_REPLY_REPLY_CODE);
  /* an empty value deletes */
  if (strcmp (verb->word, "delete-header") == 0)
    return milter_spec_get (MILTER_SIDE_MILTER, MILTER_REPLY_CHANGE_HEADER);
  if (verb->places & MILTER_VERB_ANSWER)
    return milter_spec_from_word (MILTER_SIDE_MILTER, verb->word);
  if (verb->places & MILTER_VERB_IN_SESSION)
    return milter_spec_from_word (MILTER_SIDE_MTA, verb->word);
  return NULL;
}

const char *
milter_verb_get_hint (const MilterVerb *verb)
{
  bool is_text = verb->syntax == MILTER_SYNTAX_WORDS || verb->syntax == MILTER_SYNTAX_UNKNOWN
                 || verb->syntax == MILTER_SYNTAX_MESSAGE || verb->syntax == MILTER_SYNTAX_LET
                 || verb->syntax == MILTER_SYNTAX_RAW || verb->syntax == MILTER_SYNTAX_FRAME
                 || verb->syntax == MILTER_SYNTAX_EDIT_TEXT;

  return is_text && verb->max_words > 0 ? " (a text of several words is quoted)" : "";
}
