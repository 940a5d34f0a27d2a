/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-compare.c: two recordings of a message, or of a session: every difference is found, and only
 * those that the rules name pass.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "milter-compare.h"
#include "recorded-test.h"

#define MAX_STEPS 40

typedef struct
{
  RecordedStep steps[MAX_STEPS]; /* `~` behind them: the recording ends there */
} Part;

/* What one recording has of a message, behind MAIL and RCPT, and the other. */
typedef struct
{
  const char *name;
  const char *ignore; /* (nullable) */
  const char
      *found; /* a line each: `KIND WHAT | EXPECTED | GOT`, behind it the rules in brackets */
  Part a, b;
} Case;

/* clang-format off */
#define OFFER STEP (">O\0\0\0\6\0\0\1\xff\0\x1f\xff\xff")
#define ANSWER STEP ("<O\0\0\0\6\0\0\1\xff\0\0\0\0")
#define CLIENT STEP (">Cclient\0U"), STEP ("<c"), STEP (">Hhelo\0"), STEP ("<c")
#define ENVELOPE STEP (">DMi\0004F1A\0"), STEP (">M<a@b>\0"), STEP ("<c"), STEP (">R<c@d>\0"), STEP ("<c")
#define HEADER STEP (">LSubject\0hello\0"), STEP ("<c"), STEP (">LFrom\0a@b\0"), STEP ("<c"), STEP (">N"), STEP ("<c")
#define BODY STEP (">Bone\r\ntwo\r\n"), STEP ("<c")
#define WHOLE HEADER, BODY, STEP (">E")

static const RecordedStep begin[] = { STEP ("+"), OFFER, ANSWER, CLIENT };
static const RecordedStep end[] = { STEP (">Q"), STEP (">."), STEP ("<.") };

static const Case messages[] = {
  { "the same", NULL, "",
    { { ENVELOPE, WHOLE, STEP ("<hX\0y\0"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<hX\0y\0"), STEP ("<a") } } },
  { "verdict", NULL, "verdict reply to eom | accept | reject\n",
    { { ENVELOPE, WHOLE, STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<r") } } },
  { "verdict of a recipient, told once", NULL, "verdict reply to rcpt <e@f> | continue | 550 5.1.1 \"no\"\n",
    { { ENVELOPE, STEP (">R<e@f>\0"), STEP ("<c"), WHOLE, STEP ("<c") } }, { { ENVELOPE, STEP (">R<e@f>\0"), STEP ("<y550 5.1.1 no\0"), WHOLE, STEP ("<c") } } },
  { "recipients in another order", NULL, "sent recipients | <c@d>, <e@f>, <g@h> | <c@d>, <g@h>, <e@f>\n",
    { { ENVELOPE, STEP (">R<e@f>\0"), STEP ("<c"), STEP (">R<g@h>\0"), STEP ("<r"), WHOLE, STEP ("<c") } }, { { ENVELOPE, STEP (">R<g@h>\0"), STEP ("<r"), STEP (">R<e@f>\0"), STEP ("<c"), WHOLE, STEP ("<c") } } },
  { "verdict before the end: what follows from it is not told", NULL, "verdict reply to mail <a@b> | continue | reject\n",
    { { ENVELOPE, WHOLE, STEP ("<hX\0y\0"), STEP ("<a") } }, { { STEP (">DMi\0004F1A\0"), STEP (">M<a@b>\0"), STEP ("<r"), STEP (">A") } } },
  { "verdict at one of many fields", NULL, "verdict reply to header (number 2 of this message) | continue | tempfail\n",
    { { ENVELOPE, HEADER, BODY, STEP (">E"), STEP ("<c") } },
    { { ENVELOPE, STEP (">LSubject\0hello\0"), STEP ("<c"), STEP (">LFrom\0a@b\0"), STEP ("<t"), STEP (">A") } } },
  { "no reply", NULL, "verdict reply to eom | accept | no reply (the connection ended)\n",
    { { ENVELOPE, WHOLE, STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<."), STEP (">.") } } },
  { "skip", NULL, "verdict reply to body | continue | skip\n",
    { { ENVELOPE, WHOLE, STEP ("<c") } }, { { ENVELOPE, HEADER, STEP (">Bone\r\ntwo\r\n"), STEP ("<s"), STEP (">E"), STEP ("<c") } } },
  { "code", NULL, "verdict reply to eom | 550 5.7.1 \"no\" | 451 4.7.1 \"no\"\n",
    { { ENVELOPE, WHOLE, STEP ("<y550 5.7.1 no\0") } }, { { ENVELOPE, WHOLE, STEP ("<y451 4.7.1 no\0") } } },
  { "extended code", NULL, "verdict reply to eom | 550 5.7.1 \"no\" | 550 5.7.2 \"no\"\n",
    { { ENVELOPE, WHOLE, STEP ("<y550 5.7.1 no\0") } }, { { ENVELOPE, WHOLE, STEP ("<y550 5.7.2 no\0") } } },
  { "reply text", NULL, "reply-text reply to eom | 550 5.7.1 \"no\" | 550 5.7.1 \"never\"\n",
    { { ENVELOPE, WHOLE, STEP ("<y550 5.7.1 no\0") } }, { { ENVELOPE, WHOLE, STEP ("<y550 5.7.1 never\0") } } },
  { "reply text passes", "reply-text", "reply-text reply to eom | 550 5.7.1 \"no\" | 550 5.7.1 \"never\" [reply-text]\n",
    { { ENVELOPE, WHOLE, STEP ("<y550 5.7.1 no\0") } }, { { ENVELOPE, WHOLE, STEP ("<y550 5.7.1 never\0") } } },
  { "no code passes with the text", "reply-text", "verdict reply to eom | 550 5.7.1 \"no\" | 451 4.7.1 \"no\"\n",
    { { ENVELOPE, WHOLE, STEP ("<y550 5.7.1 no\0") } }, { { ENVELOPE, WHOLE, STEP ("<y451 4.7.1 no\0") } } },
  { "an id in a text", "ids", "reply-text reply to eom | 550 5.7.1 \"no, 4F1A\" | 550 5.7.1 \"no, 4F1B\" [ids]\n",
    { { ENVELOPE, WHOLE, STEP ("<y550 5.7.1 no, 4F1A\0") } }, { { ENVELOPE, STEP (">DEi\0004F1B\0"), WHOLE, STEP ("<y550 5.7.1 no, 4F1B\0") } } },

  { "value of an edit", NULL, "edits edit add-header X | add-header X: y | add-header X: z\n",
    { { ENVELOPE, WHOLE, STEP ("<hX\0y\0"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<hX\0z\0"), STEP ("<a") } } },
  { "an edit less", NULL, "edits edit add-header X | add-header X: y | no such edit\n",
    { { ENVELOPE, WHOLE, STEP ("<hX\0y\0"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<a") } } },
  { "an edit more", NULL, "edits edit quarantine | no such edit | quarantine why\n",
    { { ENVELOPE, WHOLE, STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<qwhy\0"), STEP ("<a") } } },
  { "an edit twice", NULL, "edits edit add-header X | no such edit | add-header X: y\n",
    { { ENVELOPE, WHOLE, STEP ("<hX\0y\0"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<hX\0y\0"), STEP ("<hX\0y\0"), STEP ("<a") } } },
  { "edits of recipients and sender", NULL,
    "edits edit add-rcpt | add-rcpt <x@y> | add-rcpt <z@y>\nedits edit delete-rcpt | delete-rcpt <c@d> | no such edit\nedits edit change-from | no such edit | change-from <n@m>\n",
    { { ENVELOPE, WHOLE, STEP ("<+<x@y>\0"), STEP ("<-<c@d>\0"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<+<z@y>\0"), STEP ("<e<n@m>\0"), STEP ("<a") } } },
  { "arguments of an added recipient", NULL, "edits edit add-rcpt | add-rcpt <x@y> NOTIFY=NEVER | add-rcpt <x@y> NOTIFY=DELAY\n",
    { { ENVELOPE, WHOLE, STEP ("<2<x@y>\0NOTIFY=NEVER\0"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<2<x@y>\0NOTIFY=DELAY\0"), STEP ("<a") } } },
  { "position of an edit", NULL, "edits edit insert-header X | insert-header 0 X: y | insert-header 1 X: y\n",
    { { ENVELOPE, WHOLE, STEP ("<i\0\0\0\0X\0y\0"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<i\0\0\0\1X\0y\0"), STEP ("<a") } } },
  { "order of edits that does not matter", NULL, "edits order of the edits | add-rcpt <x@y> behind add-header X: y | add-rcpt <x@y> before it [edit-order]\n",
    { { ENVELOPE, WHOLE, STEP ("<hX\0y\0"), STEP ("<+<x@y>\0"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<+<x@y>\0"), STEP ("<hX\0y\0"), STEP ("<a") } } },
  { "order of edits that matters", NULL,
    "edits order of the edits | add-header Y: 2 behind add-header X: 1 | add-header Y: 2 before it [edit-order]\nmail order of the fields | X: 1, field 3 | the same, field 4\n",
    { { ENVELOPE, WHOLE, STEP ("<hX\0001\0"), STEP ("<hY\0002\0"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<hY\0002\0"), STEP ("<hX\0001\0"), STEP ("<a") } } },
  { "replaced body", NULL, "edits edit replace-body | line 2: \"2\" | line 2: \"3\"\n  \"1\"\n- \"2\"\n+ \"3\"\n",
    { { ENVELOPE, WHOLE, STEP ("<b1\r\n"), STEP ("<b2\r\n"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<b1\r\n3\r\n"), STEP ("<a") } } },
  { "the same replacement in other frames", NULL, "",
    { { ENVELOPE, WHOLE, STEP ("<b1\r\n"), STEP ("<b2\r\n"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<b1\r\n2\r\n"), STEP ("<a") } } },
  { "replaced or not", NULL, "edits edit replace-body | no such edit | replace-body, 3 bytes\n",
    { { ENVELOPE, WHOLE, STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<b1\r\n"), STEP ("<a") } } },
  { "edits of a mail that is refused", NULL, "edits edit add-header X | add-header X: y | add-header X: z\n",
    { { ENVELOPE, WHOLE, STEP ("<hX\0y\0"), STEP ("<r") } }, { { ENVELOPE, WHOLE, STEP ("<hX\0z\0"), STEP ("<r") } } },
  { "a malformed edit", NULL, "edits edit add-header | frame h \"X\" | no such edit\nedits edit add-header X | no such edit | add-header X: \"\"\n",
    { { ENVELOPE, WHOLE, STEP ("<hX"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<hX\0\0"), STEP ("<a") } } },

  { "a field passes", "header:x-*", "edits edit add-header X-Spam | add-header X-Spam: y | no such edit [header]\n",
    { { ENVELOPE, WHOLE, STEP ("<hX-Spam\0y\0"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<a") } } },
  { "another field does not", "header:X-*", "edits edit add-header Y | add-header Y: y | no such edit\n",
    { { ENVELOPE, WHOLE, STEP ("<hY\0y\0"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<a") } } },
  { "edits pass, and not what they make of the mail", "edits",
    "edits edit add-header X | add-header X: y | add-header X: z [edits]\nmail field \"X\" of the mail | X: y | X: z\n",
    { { ENVELOPE, WHOLE, STEP ("<hX\0y\0"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<hX\0z\0"), STEP ("<a") } } },
  { "another edit of the same effect", "edits:add-header,edits:insert-header",
    "edits edit add-header X | add-header X: y | no such edit [edits]\nedits edit insert-header X | no such edit | insert-header 9 X: y [edits]\n",
    { { ENVELOPE, WHOLE, STEP ("<hX\0y\0"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<i\0\0\0\011X\0y\0"), STEP ("<a") } } },
  { "a date in a value", "dates", "edits edit add-header X | add-header X: at Mon, 23 Nov 2026 02:08:50 +0000 | add-header X: at Tue, 24 Nov 2026 02:08:51 +0000 [dates]\n",
    { { ENVELOPE, WHOLE, STEP ("<hX\0at Mon, 23 Nov 2026 02:08:50 +0000\0"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<hX\0at Tue, 24 Nov 2026 02:08:51 +0000\0"), STEP ("<a") } } },
  { "more than the date", "dates", "edits edit add-header X | add-header X: at Mon, 23 Nov 2026 02:08:50 +0000 | add-header X: in Tue, 24 Nov 2026 02:08:51 +0000\n",
    { { ENVELOPE, WHOLE, STEP ("<hX\0at Mon, 23 Nov 2026 02:08:50 +0000\0"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<hX\0in Tue, 24 Nov 2026 02:08:51 +0000\0"), STEP ("<a") } } },

  { "a date in the reason of a quarantine", "dates", "edits edit quarantine | quarantine \"at 23 Nov 2026 02:08\" | quarantine \"at 24 Nov 2026 02:08\" [dates]\n",
    { { ENVELOPE, WHOLE, STEP ("<qat 23 Nov 2026 02:08\0"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<qat 24 Nov 2026 02:08\0"), STEP ("<a") } } },
  { "a quarantine is a part of the mail", "edits", "edits edit quarantine | no such edit | quarantine why [edits]\nmail quarantine of the mail | none | \"why\"\n",
    { { ENVELOPE, WHOLE, STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<qwhy\0"), STEP ("<a") } } },
  { "an address passes by no rule for texts", "ids,hosts,dates", "edits edit add-rcpt | add-rcpt \"<id 1@x>\" | add-rcpt \"<id 2@x>\"\n",
    { { ENVELOPE, WHOLE, STEP ("<+<id 1@x>\0"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<+<id 2@x>\0"), STEP ("<a") } } },
  { "a body passes line by line", "white-space", "edits edit replace-body | line 1: \"a\" | line 1: \"a b\"\n- \"a\"\n- \"b\"\n+ \"a b\"\n",
    { { ENVELOPE, WHOLE, STEP ("<ba\r\nb\r\n"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<ba b\r\n"), STEP ("<a") } } },
  { "a date in a body", "dates", "edits edit replace-body | line 2: \"at 23 Nov 2026 02:08\" | line 2: \"at 24 Nov 2026 02:08\" [dates]\n",
    { { ENVELOPE, WHOLE, STEP ("<ba\r\nat 23 Nov 2026 02:08\r\n"), STEP ("<a") } }, { { ENVELOPE, WHOLE, STEP ("<ba\r\nat 24 Nov 2026 02:08\r\n"), STEP ("<a") } } },
  { "sender", NULL, "sent sender | <a@b> | <A@b>\n",
    { { ENVELOPE, WHOLE, STEP ("<a") } }, { { STEP (">M<A@b>\0"), STEP ("<c"), STEP (">R<c@d>\0"), STEP ("<c"), WHOLE, STEP ("<a") } } },
  { "arguments of the sender", NULL, "sent sender | <a@b> | <a@b> SIZE=1\n",
    { { ENVELOPE, WHOLE, STEP ("<a") } }, { { STEP (">M<a@b>\0SIZE=1\0"), STEP ("<c"), STEP (">R<c@d>\0"), STEP ("<c"), WHOLE, STEP ("<a") } } },
  { "a field of the mail as it was sent, told once", NULL, "sent field \"From\" of the mail as it was sent | From: a@b | From: z@b\n",
    { { ENVELOPE, WHOLE, STEP ("<a") } },
    { { ENVELOPE, STEP (">LSubject\0hello\0"), STEP ("<c"), STEP (">LFrom\0z@b\0"), STEP ("<c"), STEP (">N"), STEP ("<c"), BODY, STEP (">E"), STEP ("<a") } } },
  { "what was sent passes", "sent", "sent field \"From\" of the mail as it was sent | From: a@b | no such field [sent]\n",
    { { ENVELOPE, WHOLE, STEP ("<a") } },
    { { ENVELOPE, STEP (">LSubject\0hello\0"), STEP ("<c"), STEP (">N"), STEP ("<c"), BODY, STEP (">E"), STEP ("<a") } } },
  { "body as it was sent", NULL, "sent body as it was sent | line 2: \"two\" | nothing: the body ends behind line 1\n  \"one\"\n- \"two\"\n",
    { { ENVELOPE, WHOLE, STEP ("<a") } }, { { ENVELOPE, HEADER, STEP (">Bone\r\n"), STEP ("<c"), STEP (">E"), STEP ("<a") } } },
  { "body in other chunks", NULL, "",
    { { ENVELOPE, WHOLE, STEP ("<a") } }, { { ENVELOPE, HEADER, STEP (">Bone\r\nt"), STEP ("<c"), STEP (">Bwo\r\n"), STEP ("<c"), STEP (">E"), STEP ("<a") } } },
  { "the body in the end of message", NULL, "",
    { { ENVELOPE, WHOLE, STEP ("<a") } }, { { ENVELOPE, HEADER, STEP (">Eone\r\ntwo\r\n"), STEP ("<a") } } },
  { "end", NULL, "end end of the message | cancelled by the MTA | left by the MTA\n",
    { { ENVELOPE, STEP (">A") } }, { { ENVELOPE } } },
  { "end passes", "end", "end end of the message | cancelled by the MTA | left by the MTA [end]\n",
    { { ENVELOPE, STEP (">A") } }, { { ENVELOPE } } },
  { "a hole", NULL, "not compared: second recording: bytes of it are missing in the recording; which reply answers which command is not known\n",
    { { ENVELOPE, WHOLE, STEP ("<a") } }, { { ENVELOPE, STEP ("<!6"), WHOLE, STEP ("<a") } } },
};

/* what one session has, behind the opening */
static const Case sessions[] = {
  { "the same", NULL, "", { { STEP ("+"), OFFER, ANSWER, CLIENT } }, { { STEP ("+"), OFFER, ANSWER, CLIENT } } },
  { "actions and steps", NULL, "negotiation answer to the offer | version 6, actions all, steps none | version 6, actions ADDHDRS, steps NOHELO\n",
    { { STEP ("+"), OFFER, ANSWER, CLIENT } }, { { STEP ("+"), OFFER, STEP ("<O\0\0\0\6\0\0\0\1\0\0\0\2"), STEP (">Cclient\0U"), STEP ("<c") } } },
  { "negotiation passes", "negotiation", "negotiation answer to the offer | version 6, actions all, steps none | version 6, actions ADDHDRS, steps NOHELO [negotiation]\n",
    { { STEP ("+"), OFFER, ANSWER, CLIENT } }, { { STEP ("+"), OFFER, STEP ("<O\0\0\0\6\0\0\0\1\0\0\0\2"), STEP (">Cclient\0U"), STEP ("<c") } } },
  { "macros asked for", NULL, "negotiation macros that the milter asks for | none | mail \"i\"\n",
    { { STEP ("+"), OFFER, ANSWER, CLIENT } }, { { STEP ("+"), OFFER, STEP ("<O\0\0\0\6\0\0\1\xff\0\0\0\0\0\0\0\2i\0"), CLIENT } } },
  { "offer", NULL, "sent the MTA's offer | version 6, actions all, steps all | version 2, actions ADDHDRS, steps none\nnegotiation answer to the offer | version 6, actions ADDHDRS, steps none | version 2, actions ADDHDRS, steps none\n",
    { { STEP ("+"), OFFER, STEP ("<O\0\0\0\6\0\0\0\1\0\0\0\0"), CLIENT } }, { { STEP ("+"), STEP (">O\0\0\0\2\0\0\0\1\0\0\0\0"), STEP ("<O\0\0\0\2\0\0\0\1\0\0\0\0"), CLIENT } } },
  { "connect", NULL, "verdict reply to connect client | continue | tempfail\n",
    { { STEP ("+"), OFFER, ANSWER, STEP (">Cclient\0U"), STEP ("<c") } }, { { STEP ("+"), OFFER, ANSWER, STEP (">Cclient\0U"), STEP ("<t") } } },
  { "helo", NULL, "verdict reply to helo helo | continue | 550 5.7.1 \"no\"\n",
    { { STEP ("+"), OFFER, ANSWER, CLIENT } }, { { STEP ("+"), OFFER, ANSWER, STEP (">Cclient\0U"), STEP ("<c"), STEP (">Hhelo\0"), STEP ("<y550 5.7.1 no\0") } } },
  { "client", NULL, "sent client's address | \"192.0.2.7\" | \"192.0.2.8\"\nsent client's HELO | \"helo\" | \"olleh\"\nsent client's port | 10 | 11 [ports]\n",
    { { STEP ("+"), OFFER, ANSWER, STEP (">Cclient\0004\0\012192.0.2.7\0"), STEP ("<c"), STEP (">Hhelo\0"), STEP ("<c") } },
    { { STEP ("+"), OFFER, ANSWER, STEP (">Cclient\0004\0\013192.0.2.8\0"), STEP ("<c"), STEP (">Holleh\0"), STEP ("<c") } } },
  { "unknown commands", NULL, "verdict reply to unknown XYZ | continue | reject\n",
    { { STEP ("+"), OFFER, ANSWER, CLIENT, STEP (">UXYZ\0"), STEP ("<c") } }, { { STEP ("+"), OFFER, ANSWER, CLIENT, STEP (">UXYZ\0"), STEP ("<r") } } },
  { "unasked", NULL, "end replies that nobody asked for | none | continue, add-header\n",
    { { STEP ("+"), OFFER, ANSWER, CLIENT } }, { { STEP ("+"), OFFER, ANSWER, CLIENT, STEP ("<c"), STEP ("<hX\0y\0") } } },
  { "no frames", NULL, "end end of the session | QUIT | the milter closed\nend bytes of the milter that are no frame | \"\" | \"220 hello\"\n",
    { { STEP ("+"), OFFER, ANSWER, CLIENT } }, { { STEP ("+"), OFFER, ANSWER, CLIENT, STEP ("<*220 hello"), STEP ("<.") , STEP (">.")} } },
  { "the milter dies", NULL, "end end of the session | QUIT | the milter closed\n",
    { { STEP ("+"), OFFER, ANSWER, CLIENT } }, { { STEP ("+"), OFFER, ANSWER, CLIENT, STEP ("<."), STEP (">.") } } },

  { "both recordings end while nothing is due", NULL, "",
    { { STEP ("+"), OFFER, ANSWER, CLIENT, STEP ("~") } }, { { STEP ("+"), OFFER, ANSWER, CLIENT, STEP ("~") } } },
  { "one ends first: how the other goes on is no difference", NULL, "",
    { { STEP ("+"), OFFER, ANSWER, CLIENT } }, { { STEP ("+"), OFFER, ANSWER, CLIENT, STEP ("~") } } },
  { "before anything was said", NULL, "", { { STEP ("+"), STEP ("~") } }, { { STEP ("+"), STEP ("~") } } },
  { "what there is is compared", NULL, "negotiation answer to the offer | version 6, actions all, steps none | version 6, actions ADDHDRS, steps NOHELO\n",
    { { STEP ("+"), OFFER, ANSWER, STEP ("~") } }, { { STEP ("+"), OFFER, STEP ("<O\0\0\0\6\0\0\0\1\0\0\0\2"), STEP ("~") } } },
  { "an answer is missing", NULL, "not compared: second recording: the recording ends in the middle of it\n",
    { { STEP ("+"), OFFER, ANSWER, CLIENT } }, { { STEP ("+"), OFFER, ANSWER, STEP (">Cclient\0U"), STEP ("<c"), STEP (">Hhelo\0"), STEP ("~") } } },
  { "an answer is missing in both, and another one is not the same", "holes",
    "not compared: first recording: the recording ends in the middle of it; second recording: the recording ends in the middle of it\nverdict reply to connect client | continue | tempfail\n",
    { { STEP ("+"), OFFER, ANSWER, STEP (">Cclient\0U"), STEP ("<c"), STEP (">Hhelo\0"), STEP ("~") } },
    { { STEP ("+"), OFFER, ANSWER, STEP (">Cclient\0U"), STEP ("<t"), STEP (">Hhelo\0"), STEP ("~") } } },
  { "a command is missing", NULL, "not compared: first recording: the recording ends in the middle of it\n",
    { { STEP ("+"), OFFER, ANSWER, STEP (">Cclient\0U"), STEP ("<c"), STEP ("~") } }, { { STEP ("+"), OFFER, ANSWER, CLIENT } } },
  { "what is unasked, or no frame, may be missing", NULL, "not compared: first recording: the recording ends in the middle of it\n",
    { { STEP ("+"), OFFER, ANSWER, CLIENT, STEP ("~") } }, { { STEP ("+"), OFFER, ANSWER, CLIENT, STEP ("<c"), STEP ("<*220 hello"), STEP ("<.") , STEP (">.") } } },
};
/* clang-format on */

typedef struct
{
  GPtrArray *messages;
  GPtrArray *sessions;
} Told;

static void
keep_message (const MilterRecordedSession *session, MilterRecordedMessage *message, gpointer data)
{
  g_ptr_array_add (((Told *) data)->messages, message);
}

static void
keep_session (MilterRecordedSession *session, gpointer data)
{
  g_ptr_array_add (((Told *) data)->sessions, session);
}

static const MilterRecordedEvents keeping = { .message = keep_message, .session = keep_session };

static Told
build (const Part *part, bool has_begin)
{
  Told told = {
    g_ptr_array_new_with_free_func ((GDestroyNotify) milter_recorded_message_free),
    g_ptr_array_new_with_free_func ((GDestroyNotify) milter_recorded_session_free),
  };
  g_autoptr (MilterRecordedBuilder) builder
      = milter_recorded_builder_new (/* limits= */ NULL, &keeping, &told);
  gsize n = 0;

  while (n < MAX_STEPS && part->steps[n].bytes != NULL && part->steps[n].bytes[0] != '~')
    n++;
  if (has_begin)
    recorded_tell (builder, begin, G_N_ELEMENTS (begin));
  recorded_tell (builder, part->steps, n);
  if (n == MAX_STEPS || part->steps[n].bytes == NULL)
    recorded_tell (builder, end, G_N_ELEMENTS (end));
  milter_recorded_builder_finish (builder);
  return told;
}

static GString *
text_of (MilterComparison *comparison)
{
  GString *text = g_string_new (NULL);

  if (comparison->not_compared != NULL)
    g_string_append_printf (text, "not compared: %s\n", comparison->not_compared);
  for (guint i = 0; i < comparison->differences->len; i++)
    {
      const MilterDifference *one = g_ptr_array_index (comparison->differences, i);

      g_string_append_printf (text,
                              "%s %s | %s | %s",
                              milter_difference_kind_to_word (one->kind),
                              one->what,
                              one->expected,
                              one->got);
      if (one->ignored_by != NULL)
        g_string_append_printf (text, " [%s]", one->ignored_by);
      g_string_append_c (text, '\n');
    }
  milter_comparison_free (comparison);
  return text;
}

static void
check (const Case *one, bool is_message)
{
  g_autoptr (MilterCompareRules) rules = milter_compare_rules_new ();
  g_autoptr (GError) error = NULL;
  Told told[] = { build (&one->a, is_message), build (&one->b, is_message) };
  GString *text;

  if (one->ignore != NULL)
    cr_assert (milter_compare_rules_ignore (rules, one->ignore, &error), "%s", error->message);
  text = text_of (is_message ? milter_compare_messages (
                      told[0].messages->pdata[0], told[1].messages->pdata[0], rules)
                             : milter_compare_sessions (
                                 told[0].sessions->pdata[0], told[1].sessions->pdata[0], rules));
  cr_expect_str_eq (text->str, one->found, "%s:\n%s", one->name, text->str);
  g_string_free (text, TRUE);
  for (guint side = 0; side < 2; side++)
    {
      g_ptr_array_unref (told[side].messages);
      g_ptr_array_unref (told[side].sessions);
    }
}

Test (compare, every_difference_of_messages_is_found)
{
  for (gsize i = 0; i < G_N_ELEMENTS (messages); i++)
    check (&messages[i], /* is_message= */ true);
}

Test (compare, every_difference_of_sessions_is_found)
{
  for (gsize i = 0; i < G_N_ELEMENTS (sessions); i++)
    check (&sessions[i], /* is_message= */ false);
}
