/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-mail-edit.c: edits give what Postfix 3.7.11 queued and what sendmail 8.17.1.9 queued for the
 * same frames. tests/integration/test_postfix_edits.py and test_sendmail_edits.py hold the columns
 * against running MTAs.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-profile-private.h"

#define P(text) MILTER_BYTES_INIT (text)
/* numbers of four bytes */
#define N0   "\0\0\0\0"
#define N1   "\0\0\0\1"
#define N2   "\0\0\0\2"
#define N3   "\0\0\0\3"
#define N9   "\0\0\0\x09"
#define N99  "\0\0\0\x63"
#define NMAX "\xff\xff\xff\xff"

/* in a table: this column is as the one before */
#define SAME   "same"
#define POSTFIX  (milter_profile_get ("postfix")->edit_rules)
#define SENDMAIL (milter_profile_get ("sendmail")->edit_rules)

/* an edit: its letter and its payload */
typedef struct
{
  char letter;
  MilterBytes payload;
} Frame;

/* own Received; Subject; three X-Same with X-Keep between */
static MilterMail *
sample (void)
{
  static const struct
  {
    const char *name;
    const char *value;
    gboolean hidden;
  } headers[] = {
    { "Received", "", TRUE },       { "Subject", " s", FALSE },    { "X-Same", " first", FALSE },
    { "X-Keep", " one", FALSE },    { "X-Same", " second", FALSE }, { "X-Same", " third", FALSE },
  };
  MilterMail *mail = milter_mail_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (headers); i++)
    milter_mail_append_header (mail,
                               milter_bytes_from_string (headers[i].name),
                               milter_bytes_from_string (headers[i].value),
                               headers[i].hidden);
  milter_mail_append_body (mail, milter_bytes_from_string ("body\r\n"));
  milter_mail_set_sender (mail,
                          milter_bytes_from_string ("<alice@example.com>"),
                          milter_bytes ("RET=HDRS\0ENVID=abc\0SIZE=9\0", 26));
  milter_mail_add_recipient (
      mail, milter_bytes_from_string ("<bob@example.net>"), milter_bytes (NULL, 0));
  milter_mail_add_recipient (
      mail, milter_bytes_from_string ("<carol@example.net>"), milter_bytes (NULL, 0));
  return mail;
}

/* applies a heap copy of exact size, so that a read past the end is caught */
static gboolean
apply (MilterMail *mail, Frame frame, const MilterEditRules *rules, gboolean leading_space, GError **error)
{
  g_autofree guint8 *copy = g_memdup2 (frame.payload.data, frame.payload.size);
  MilterMessage message;

  milter_message_parse (
      MILTER_SIDE_MILTER, (guint8) frame.letter, milter_bytes (copy, frame.payload.size), &message);
  return milter_mail_edit (mail, &message, rules, leading_space, error);
}

/* FALSE if the MTA refuses one of them */
static gboolean
apply_all (MilterMail *mail,
           const Frame *frames,
           gsize n_frames,
           const MilterEditRules *rules,
           gboolean leading_space,
           GError **error)
{
  for (gsize i = 0; i < n_frames && frames[i].letter != '\0'; i++)
    if (!apply (mail, frames[i], rules, leading_space, error))
      return FALSE;
  milter_mail_finish_edits (mail, rules);
  return TRUE;
}

/* `Name:value` of each field, joined by ` / `; LF as `^`, hidden fields in parentheses */
static char *
show_headers (const MilterMail *mail)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < mail->headers->len; i++)
    {
      const MilterMailHeader *header = g_ptr_array_index (mail->headers, i);

      g_string_append (text, i > 0 ? " / " : "");
      if (header->hidden)
        g_string_append_printf (text, "(%s)", header->name->str);
      else
        g_string_append_printf (text, "%s:%s", header->name->str, header->value->str);
    }
  g_string_replace (text, "\n", "^", 0);
  return g_string_free (text, FALSE);
}

#define TOP   "(Received) / Subject: s / "
#define FIRST "X-Same: first / X-Keep: one / "
#define LAST  "X-Same: second / X-Same: third"

static const struct
{
  const char *what;
  Frame edits[5];
  const char *postfix;  /* NULL: refused */
  const char *sendmail; /* SAME: as Postfix */
} header_edits[] = {
  { "insert 0, 1, 3, 99",
    { { 'i', P (N0 "X-0\0a\0") },
      { 'i', P (N1 "X-1\0b\0") },
      { 'i', P (N3 "X-3\0c\0") },
      { 'i', P (N99 "X-99\0d\0") } },
    "X-0: a / X-1: b / (Received) / X-3: c / Subject: s / " FIRST LAST " / X-99: d",
    SAME },
  { "insert 1 alone stands below Received",
    { { 'i', P (N1 "X-1\0b\0") } },
    "(Received) / X-1: b / Subject: s / " FIRST LAST,
    SAME },
  { "insert 0xffffffff",
    { { 'i', P (NMAX "X\0b\0") } },
    TOP FIRST LAST " / X: b",
    "X: b / " TOP FIRST LAST },
  { "change 2",
    { { 'm', P (N2 "X-Same\0new\0") } },
    TOP FIRST "X-Same: new / X-Same: third",
    SAME },
  { "change 0 is change 1",
    { { 'm', P (N0 "X-Keep\0new\0") } },
    TOP "X-Same: first / X-Keep: new / " LAST,
    SAME },
  { "change in another spelling",
    { { 'm', P (N1 "x-keep\0new\0") } },
    TOP "X-Same: first / x-keep: new / " LAST,
    TOP "X-Same: first / X-Keep: new / " LAST },
  { "change 9 of three",
    { { 'm', P (N9 "X-Same\0new\0") } },
    TOP FIRST LAST " / X-Same: new",
    TOP "X-Same: new / " FIRST LAST },
  { "change 0xffffffff",
    { { 'm', P (NMAX "X-Same\0new\0") } },
    TOP FIRST LAST " / X-Same: new",
    TOP "X-Same: new / X-Keep: one / " LAST },
  { "change 1 of a name that is not there",
    { { 'm', P (N1 "X-New\0new\0") } },
    TOP FIRST LAST " / X-New: new",
    SAME },
  { "delete what is not there",
    { { 'm', P (N9 "X-Same\0\0") }, { 'm', P (N1 "X-New\0\0") } },
    TOP FIRST LAST,
    SAME },
  { "delete 1 twice",
    { { 'm', P (N1 "X-Same\0\0") }, { 'm', P (N1 "X-Same\0\0") } },
    TOP "X-Keep: one / X-Same: third",
    TOP "X-Keep: one / " LAST },
  { "delete 1 and 2",
    { { 'm', P (N1 "X-Same\0\0") }, { 'm', P (N2 "X-Same\0\0") } },
    TOP "X-Keep: one / X-Same: second",
    TOP "X-Keep: one / X-Same: third" },
  { "delete 2 and 1, the portable way",
    { { 'm', P (N2 "X-Same\0\0") }, { 'm', P (N1 "X-Same\0\0") } },
    TOP "X-Keep: one / X-Same: third",
    SAME },
  { "a deleted field counts for inserts",
    { { 'm', P (N1 "Subject\0\0") }, { 'i', P (N2 "X-2\0a\0") } },
    "(Received) / X-Same: first / X-2: a / X-Keep: one / " LAST,
    "(Received) / X-2: a / " FIRST LAST },
  { "a deleted field is filled again",
    { { 'm', P (N1 "X-Keep\0\0") }, { 'm', P (N1 "X-Keep\0back\0") } },
    TOP "X-Same: first / " LAST " / X-Keep: back",
    TOP "X-Same: first / X-Keep: back / " LAST },
  { "insert 1 of a name, change 1 of it",
    { { 'i', P (N1 "X-Same\0a\0") }, { 'm', P (N1 "X-Same\0new\0") } },
    "(Received) / X-Same: new / Subject: s / " FIRST LAST,
    SAME },
  { "change 9 adds one, delete 1",
    { { 'm', P (N9 "X-Same\0new\0") }, { 'm', P (N1 "X-Same\0\0") } },
    TOP "X-Keep: one / " LAST " / X-Same: new",
    TOP FIRST LAST },
  { "add", { { 'h', P ("X-New\0v\0") } }, TOP FIRST LAST " / X-New: v", SAME },
  { "add of a name that is there",
    { { 'h', P ("x-same\0v\0") } },
    TOP FIRST LAST " / x-same: v",
    TOP "x-same: v / " FIRST LAST },
  { "add Received",
    { { 'h', P ("Received\0v\0") } },
    TOP FIRST LAST " / Received: v",
    "Received: v / " TOP FIRST LAST },
  { "change Received, which nobody showed",
    { { 'm', P (N1 "Received\0v\0") } },
    TOP FIRST LAST " / Received: v",
    "Received: v / " TOP FIRST LAST },
  { "own Received stays hidden below an insert",
    { { 'i', P (N0 "Received\0x\0") }, { 'm', P (N1 "Received\0y\0") } },
    "Received: y / " TOP FIRST LAST,
    SAME },
  { "own Received cannot be deleted",
    { { 'i', P (N0 "X\0x\0") }, { 'm', P (N1 "Received\0\0") } },
    "X: x / " TOP FIRST LAST,
    SAME },
  { "add without a name", { { 'h', P ("\0v\0") } }, TOP FIRST LAST " / : v", TOP FIRST LAST },
  { "insert without a name", { { 'i', P (N0 "\0v\0") } }, ": v / " TOP FIRST LAST, TOP FIRST LAST },
  { "change without a name", { { 'm', P (N1 "\0v\0") } }, NULL, TOP FIRST LAST },
  { "delete without a name", { { 'm', P (N1 "\0\0") } }, NULL, TOP FIRST LAST },
  { "add with no value", { { 'h', P ("X\0\0") } }, TOP FIRST LAST " / X: ", SAME },
  { "a value with its own blank", { { 'h', P ("X\0 v\0") } }, TOP FIRST LAST " / X:  v", SAME },
  { "change to one blank",
    { { 'm', P (N1 "X-Keep\0 \0") } },
    TOP "X-Same: first / X-Keep:   / " LAST,
    SAME },
  { "a folded value", { { 'h', P ("X\0a\n b\n\tc\0") } }, TOP FIRST LAST " / X: a^ b^\tc", SAME },
  { "a folded value with CRLF",
    { { 'h', P ("X\0a\r\n b\0") } },
    TOP FIRST LAST " / X: a\r^ b",
    SAME },
  { "a line without white space",
    { { 'h', P ("X\0a\nY: b\0") } },
    TOP FIRST LAST " / X: a^\tY: b",
    TOP FIRST LAST " / X: a Y: b" },
  { "the same with CRLF",
    { { 'm', P (N1 "X-Keep\0a\r\nY: b\0") } },
    TOP "X-Same: first / X-Keep: a\r^\tY: b / " LAST,
    TOP "X-Same: first / X-Keep: a\r Y: b / " LAST },
  { "a fold beside a line without white space",
    { { 'h', P ("X\0a\n b\nc\0") } },
    TOP FIRST LAST " / X: a^ b^\tc",
    TOP FIRST LAST " / X: a  b c" },
  { "an empty line in a value",
    { { 'h', P ("X\0a\n\nb\0") } },
    TOP FIRST LAST " / X: a^\t^\tb",
    TOP FIRST LAST " / X: a  b" },
  { "a line end behind a value",
    { { 'h', P ("X\0a\n\0") } },
    TOP FIRST LAST " / X: a^\t",
    TOP FIRST LAST " / X: a " },
  { "a bare CR stays", { { 'h', P ("X\0a\rb\r\0") } }, TOP FIRST LAST " / X: a\rb\r", SAME },
  { "a line break in a name",
    { { 'h', P ("X\nY\0v\0") } },
    TOP FIRST LAST " / X^\tY: v",
    TOP FIRST LAST " / X Y: v" },
};

static void
check_headers (gsize row, const char *mta, const char *expected)
{
  g_autoptr (MilterMail) mail = sample ();
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  gboolean taken = apply_all (mail,
                              header_edits[row].edits,
                              G_N_ELEMENTS (header_edits[row].edits),
                              milter_profile_get (mta)->edit_rules,
                              /* leading_space= */ FALSE,
                              &error);

  cr_assert_eq (taken, expected != NULL, "%s, by %s", header_edits[row].what, mta);
  if (taken)
    {
      text = show_headers (mail);
      cr_assert_str_eq (text, expected, "%s, by %s: %s", header_edits[row].what, mta, text);
    }
  else
    cr_assert (g_error_matches (error, MILTER_MAIL_ERROR, MILTER_MAIL_ERROR_HEADER));
}

Test (mail_edit, headers_are_as_postfix_and_sendmail_queued_them)
{
  for (gsize i = 0; i < G_N_ELEMENTS (header_edits); i++)
    {
      const char *sendmail = header_edits[i].sendmail;

      check_headers (i, "postfix", header_edits[i].postfix);
      check_headers (
          i, "sendmail", g_str_equal (sendmail, SAME) ? header_edits[i].postfix : sendmail);
    }
}

/* once there is a field above it, its own Received is one like others (milter-protocol 3.8) */
Test (mail_edit, postfix_3_12_counts_its_own_fields_below_an_insert)
{
  static const struct
  {
    Frame edits[2];
    const char *expected;
  } rows[] = {
    { { { 'i', P (N0 "X\0a\0") }, { 'm', P (N1 "Received\0v\0") } },
      "X: a / Received: v / Subject: s / " FIRST LAST },
    { { { 'i', P (N0 "X\0a\0") }, { 'm', P (N1 "Received\0\0") } },
      "X: a / Subject: s / " FIRST LAST },
    { { { 'i', P (N1 "X\0a\0") }, { 'm', P (N1 "Received\0v\0") } },
      "(Received) / X: a / Subject: s / " FIRST LAST " / Received: v" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MilterMail) mail = sample ();
      g_autofree char *text = NULL;

      cr_assert (apply_all (
          mail, rows[i].edits, 2, milter_profile_get ("postfix-3.12")->edit_rules, FALSE, NULL));
      text = show_headers (mail);
      cr_assert_str_eq (text, rows[i].expected, "%zu: %s", i, text);
    }
}

Test (mail_edit, with_leading_space_nothing_is_put_before_the_value)
{
  static const Frame frames[] = {
    { 'h', P ("X-A\0v\0") },
    { 'h', P ("X-B\0 v\0") },
    { 'i', P (N1 "X-C\0\0") },
    { 'm', P (N1 "X-Keep\0two\0") },
    { 'm', P (N1 "Subject\0\0") },
  };
  g_autoptr (MilterMail) mail = sample ();
  g_autofree char *text = NULL;

  cr_assert (apply_all (
      mail, frames, G_N_ELEMENTS (frames), POSTFIX, /* leading_space= */ TRUE, /* error= */ NULL));
  text = show_headers (mail);
  cr_assert_str_eq (text,
                    "(Received) / X-C: / X-Same: first / X-Keep:two / " LAST " / X-A:v / X-B: v",
                    "%s",
                    text);
}

/* sendmail replaces a field of its own that stands only once */
Test (mail_edit, sendmail_replaces_its_automatic_fields)
{
  static const struct
  {
    Frame edit;
    const char *expected;
  } rows[] = {
    { { 'h', P ("Date\0v\0") }, "(Received) / Date: v / Subject: s" },
    { { 'm', P (N1 "Date\0v\0") }, "(Received) / Date: v / Subject: s" },
    { { 'm', P (N1 "Date\0\0") }, "(Received) / Subject: s" },
    { { 'm', P (N1 "Received\0\0") }, "(Received) / (Date) / Subject: s" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MilterMail) mail = milter_mail_new ();
      g_autofree char *text = NULL;
      MilterBytes none = { NULL, 0 };

      milter_mail_append_header (mail, milter_bytes_from_string ("Received"), none, TRUE);
      milter_mail_append_header (mail, milter_bytes_from_string ("Date"), none, TRUE);
      milter_mail_append_header (mail,
                                 milter_bytes_from_string ("Subject"),
                                 milter_bytes_from_string (" s"),
                                 /* hidden= */ FALSE);
      cr_assert (apply_all (mail, &rows[i].edit, 1, SENDMAIL, FALSE, /* error= */ NULL));
      text = show_headers (mail);
      cr_assert_str_eq (text, rows[i].expected, "%zu: %s", i, text);
    }
}

static const struct
{
  const char *what;
  Frame edits[5];
  const char *postfix;  /* NULL: refused */
  const char *sendmail; /* SAME: as Postfix */
} body_edits[] = {
  { "no replacement", { { 'h', P ("X\0v\0") } }, "body\r\n", SAME },
  { "empty", { { 'b', P ("") } }, "", SAME },
  { "several frames", { { 'b', P ("one\r\n") }, { 'b', P ("two\r\n") } }, "one\r\ntwo\r\n", SAME },
  { "CRLF split between frames",
    { { 'b', P ("one\r") }, { 'b', P ("\ntwo\r\n") } },
    "one\r\ntwo\r\n",
    SAME },
  { "LF at the start of a frame",
    { { 'b', P ("one") }, { 'b', P ("\ntwo\n") } },
    "one\r\ntwo\r\n",
    SAME },
  { "bare LF", { { 'b', P ("\none\n\ntwo\n") } }, "\r\none\r\n\r\ntwo\r\n", SAME },
  { "bare CR and CR CR LF", { { 'b', P ("a\rb\r\r\n") } }, "a\rb\r\r\n", SAME },
  { "no final line end", { { 'b', P ("one\r\ntwo") } }, "one\r\ntwo\r\n", "one\r\ntwo" },
  { "CR at the end", { { 'b', P ("one\r") } }, "one\r\r\n", "one\r" },
  { "empty, then text", { { 'b', P ("") }, { 'b', P ("x\r\n") }, { 'b', P ("") } }, "x\r\n", SAME },
  { "dots", { { 'b', P (".\r\n..a\r\n") } }, ".\r\n..a\r\n", SAME },
  { "another edit first", { { 'h', P ("X\0v\0") }, { 'b', P ("x\r\n") } }, "x\r\n", SAME },
  { "another edit last", { { 'b', P ("x\r\n") }, { 'h', P ("X\0v\0") } }, "x\r\n", SAME },
  { "a header between",
    { { 'b', P ("x\r\n") }, { 'h', P ("X\0v\0") }, { 'b', P ("y\r\n") } },
    NULL,
    "x\r\ny\r\n" },
  { "a recipient between",
    { { 'b', P ("x\r\n") }, { '+', P ("a@b\0") }, { 'b', P ("y\r\n") } },
    NULL,
    "x\r\ny\r\n" },
  { "progress between",
    { { 'b', P ("x\r\n") }, { 'p', P ("") }, { 'b', P ("y\r\n") } },
    NULL,
    "x\r\ny\r\n" },
};

static void
check_body (gsize row, const char *mta, const char *expected)
{
  g_autoptr (MilterMail) mail = sample ();
  g_autoptr (GError) error = NULL;
  gboolean taken = apply_all (mail,
                              body_edits[row].edits,
                              G_N_ELEMENTS (body_edits[row].edits),
                              milter_profile_get (mta)->edit_rules,
                              /* leading_space= */ FALSE,
                              &error);

  cr_assert_eq (taken, expected != NULL, "%s, by %s", body_edits[row].what, mta);
  if (!taken)
    cr_assert (g_error_matches (error, MILTER_MAIL_ERROR, MILTER_MAIL_ERROR_BODY_INTERLEAVED));
  else
    cr_assert (milter_bytes_equal_string (milter_bytes (mail->body->data, mail->body->len),
                                          expected),
               "%s, by %s: %.*s",
               body_edits[row].what,
               mta,
               (int) mail->body->len,
               (const char *) mail->body->data);
}

Test (mail_edit, bodies_are_as_postfix_and_sendmail_queued_them)
{
  for (gsize i = 0; i < G_N_ELEMENTS (body_edits); i++)
    {
      const char *sendmail = body_edits[i].sendmail;

      check_body (i, "postfix", body_edits[i].postfix);
      check_body (i, "sendmail", g_str_equal (sendmail, SAME) ? body_edits[i].postfix : sendmail);
    }
}

Test (mail_edit, a_body_keeps_its_nuls)
{
  static const Frame frame = { 'b', P ("a\0b\n") };
  g_autoptr (MilterMail) mail = sample ();

  cr_assert (apply_all (mail, &frame, 1, POSTFIX, FALSE, /* error= */ NULL));
  cr_assert_eq (mail->body->len, 5);
  cr_assert_eq (memcmp (mail->body->data, "a\0b\r\n", 5), 0);
}

Test (mail_edit, the_next_milter_may_replace_the_body_again)
{
  static const Frame first[] = { { 'b', P ("one\r\n") }, { 'h', P ("X\0v\0") } };
  static const Frame second[] = { { 'b', P ("two\r\n") } };
  g_autoptr (MilterMail) mail = sample ();

  cr_assert (apply_all (mail, first, 2, POSTFIX, FALSE, /* error= */ NULL));
  cr_assert (apply_all (mail, second, 1, POSTFIX, FALSE, /* error= */ NULL));
  cr_assert_eq (mail->body->len, 5);
  cr_assert_eq (memcmp (mail->body->data, "two\r\n", 5), 0);
}

/* sender, then recipients, each with its arguments */
static char *
show_envelope (const MilterMail *mail)
{
  GString *text = g_string_new (mail->sender.address->str);

  if (mail->sender.arguments != NULL)
    g_string_append_printf (text, " %s", mail->sender.arguments->str);
  for (guint i = 0; i < mail->recipients->len; i++)
    {
      const MilterMailAddress *recipient = g_ptr_array_index (mail->recipients, i);

      g_string_append_printf (text, " / %s", recipient->address->str);
      if (recipient->arguments != NULL)
        g_string_append_printf (text, " %s", recipient->arguments->str);
    }
  if (mail->quarantine != NULL)
    g_string_append_printf (text, " / held: %s", mail->quarantine->str);
  return g_string_free (text, FALSE);
}

#define ALICE "<alice@example.com> RET=HDRS ENVID=abc SIZE=9"
#define BOB   " / <bob@example.net>"
#define CAROL " / <carol@example.net>"

static const struct
{
  const char *what;
  Frame edits[5];
  const char *postfix;  /* NULL: refused as malformed */
  const char *sendmail; /* SAME: as Postfix */
} envelope_edits[] = {
  { "add with brackets",
    { { '+', P ("<d@e.example>\0") } },
    ALICE BOB CAROL " / <d@e.example>",
    SAME },
  { "add without brackets",
    { { '+', P ("d@e.example\0") } },
    ALICE BOB CAROL " / d@e.example",
    SAME },
  { "add one twice",
    { { '+', P ("d@e.example\0") }, { '+', P ("<d@e.example>\0") } },
    ALICE BOB CAROL " / d@e.example",
    SAME },
  { "add one twice in other spelling",
    { { '+', P ("d@e.example\0") }, { '+', P ("D@E.example\0") } },
    ALICE BOB CAROL " / d@e.example",
    ALICE BOB CAROL " / d@e.example / D@E.example" },
  { "add what the client has",
    { { '+', P ("bob@example.net\0") } },
    ALICE BOB CAROL " / bob@example.net",
    ALICE BOB CAROL },
  { "add nobody", { { '+', P ("<>\0") }, { '+', P ("\0") } }, ALICE BOB CAROL, SAME },
  { "add with arguments",
    { { '2', P ("<d@e.example>\0NOTIFY=NEVER orcpt=rfc822;x@y\0") } },
    ALICE BOB CAROL " / <d@e.example> NOTIFY=NEVER orcpt=rfc822;x@y",
    SAME },
  { "add with and without arguments",
    { { '+', P ("d@e.example\0") }, { '2', P ("d@e.example\0NOTIFY=NEVER\0") } },
    ALICE BOB CAROL " / d@e.example / d@e.example NOTIFY=NEVER",
    ALICE BOB CAROL " / d@e.example" },
  { "add without the second string",
    { { '2', P ("d@e.example\0") } },
    ALICE BOB CAROL " / d@e.example",
    SAME },
  { "add with an empty second string",
    { { '2', P ("d@e.example\0\0") } },
    ALICE BOB CAROL " / d@e.example",
    SAME },
  { "add with arguments that nobody knows",
    { { '2', P ("d@e.example\0FOO=bar NOTIFY=NEVER x\0") } },
    ALICE BOB CAROL " / d@e.example NOTIFY=NEVER",
    ALICE BOB CAROL },
  { "delete with brackets", { { '-', P ("<bob@example.net>\0") } }, ALICE CAROL, SAME },
  { "delete without brackets", { { '-', P ("bob@example.net\0") } }, ALICE CAROL, SAME },
  { "delete in other spelling",
    { { '-', P ("<BOB@example.net>\0") }, { '-', P ("<bob@EXAMPLE.net>\0") } },
    ALICE BOB CAROL,
    SAME },
  { "delete nobody", { { '-', P ("<x@y>\0") } }, ALICE BOB CAROL, SAME },
  { "delete all",
    { { '-', P ("bob@example.net\0") }, { '-', P ("carol@example.net\0") } },
    ALICE,
    SAME },
  { "delete and add again",
    { { '-', P ("bob@example.net\0") }, { '+', P ("bob@example.net\0") } },
    ALICE CAROL " / bob@example.net",
    SAME },
  { "add, delete, add",
    { { '+', P ("x@y\0") }, { '-', P ("<x@y>\0") }, { '+', P ("x@y\0") } },
    ALICE BOB CAROL " / x@y",
    SAME },
  { "change-from keeps the arguments",
    { { 'e', P ("new@x\0") } },
    "new@x RET=HDRS ENVID=abc SIZE=9" BOB CAROL,
    SAME },
  { "change-from to nobody",
    { { 'e', P ("<>\0") } },
    "<> RET=HDRS ENVID=abc SIZE=9" BOB CAROL,
    SAME },
  { "change-from to an empty string",
    { { 'e', P ("\0") } },
    " RET=HDRS ENVID=abc SIZE=9" BOB CAROL,
    ALICE BOB CAROL },
  { "change-from with arguments",
    { { 'e', P ("<new@x>\0RET=FULL FOO BODY=8BITMIME\0") } },
    "<new@x> RET=FULL ENVID=abc SIZE=9" BOB CAROL,
    "<new@x> RET=FULL FOO BODY=8BITMIME" BOB CAROL },
  { "change-from twice",
    { { 'e', P ("a@x\0ENVID=1\0") }, { 'e', P ("b@x\0envid=2\0") } },
    "b@x envid=2 RET=HDRS SIZE=9" BOB CAROL,
    "b@x envid=2" BOB CAROL },
  { "change-from with three strings",
    { { 'e', P ("a@x\0RET=FULL\0ENVID=x\0") } },
    NULL,
    ALICE BOB CAROL },
  { "add with three strings", { { '2', P ("a@x\0NOTIFY=NEVER\0x\0") } }, NULL, ALICE BOB CAROL },
  { "change-from without a NUL", { { 'e', P ("a@x") } }, NULL, ALICE BOB CAROL },
  { "add without a NUL", { { '+', P ("a@x") } }, NULL, ALICE BOB CAROL },
  { "delete without a NUL", { { '-', P ("bob@example.net") } }, NULL, ALICE BOB CAROL },
  { "a header with three strings", { { 'h', P ("X\0y\0z\0") } }, NULL, ALICE BOB CAROL },
  { "a header with half an index", { { 'i', P ("\0\0") } }, NULL, ALICE BOB CAROL },
  { "quarantine", { { 'q', P ("spam\0") } }, ALICE BOB CAROL " / held: spam", SAME },
  { "quarantine twice",
    { { 'q', P ("spam\0") }, { 'q', P ("virus\0") } },
    ALICE BOB CAROL " / held: virus",
    SAME },
  { "quarantine without a reason", { { 'q', P ("\0") } }, ALICE BOB CAROL " / held: ", SAME },
  { "quarantine with nothing", { { 'q', P ("") } }, ALICE BOB CAROL " / held: ", ALICE BOB CAROL },
  { "quarantine without a NUL",
    { { 'q', P ("spam") } },
    ALICE BOB CAROL " / held: spam",
    ALICE BOB CAROL },
  { "quarantine with line breaks",
    { { 'q', P ("a\r\nb\0") } },
    ALICE BOB CAROL " / held: a\r\nb",
    ALICE BOB CAROL " / held: a  b" },
};

static void
check_envelope (gsize row, const char *mta, const char *expected)
{
  g_autoptr (MilterMail) mail = sample ();
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  gboolean taken = apply_all (mail,
                              envelope_edits[row].edits,
                              G_N_ELEMENTS (envelope_edits[row].edits),
                              milter_profile_get (mta)->edit_rules,
                              /* leading_space= */ FALSE,
                              &error);

  cr_assert_eq (taken, expected != NULL, "%s, by %s", envelope_edits[row].what, mta);
  if (!taken)
    {
      cr_assert (g_error_matches (error, MILTER_MAIL_ERROR, MILTER_MAIL_ERROR_MALFORMED));
      return;
    }
  text = show_envelope (mail);
  cr_assert_str_eq (text, expected, "%s, by %s: %s", envelope_edits[row].what, mta, text);
}

Test (mail_edit, envelopes_are_as_postfix_and_sendmail_queued_them)
{
  for (gsize i = 0; i < G_N_ELEMENTS (envelope_edits); i++)
    {
      const char *sendmail = envelope_edits[i].sendmail;

      check_envelope (i, "postfix", envelope_edits[i].postfix);
      check_envelope (
          i, "sendmail", g_str_equal (sendmail, SAME) ? envelope_edits[i].postfix : sendmail);
    }
}

Test (mail_edit, a_refused_edit_leaves_the_mail_as_it_was)
{
  static const Frame frames[] = {
    { 'm', P (N1 "\0v\0") }, { 'h', P ("X\0y") }, { 'e', P ("a\0b\0c\0") }, { 'c', P ("") },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (frames); i++)
    {
      g_autoptr (MilterMail) mail = sample ();
      g_autoptr (GByteArray) before = g_byte_array_new ();
      g_autoptr (GByteArray) after = g_byte_array_new ();
      g_autoptr (GError) error = NULL;

      milter_mail_append_message (mail, before);
      cr_assert_not (apply (mail, frames[i], POSTFIX, FALSE, &error));
      cr_assert_not_null (error);
      milter_mail_append_message (mail, after);
      cr_assert_eq (before->len, after->len);
      cr_assert_eq (memcmp (before->data, after->data, before->len), 0);
    }
}

Test (mail_edit, every_edit_of_the_table_is_known_and_nothing_else)
{
  gsize n_rows;
  const MilterSpec *rows = milter_spec_list (MILTER_SIDE_MILTER, &n_rows);

  for (gsize i = 0; i < n_rows; i++)
    for (int sendmail = 0; sendmail < 2; sendmail++)
      {
        g_autoptr (MilterMail) mail = sample ();
        g_autoptr (GError) error = NULL;
        Frame frame = { (char) rows[i].letter, MILTER_BYTES_INIT ("\0\0\0\1X\0y\0") };
        bool edits = rows[i].kind == MILTER_REPLY_KIND_EDIT
                     || rows[i].kind == MILTER_REPLY_KIND_PROGRESS;
        bool is_edit = apply (mail, frame, sendmail ? SENDMAIL : POSTFIX, FALSE, &error)
                       || strstr (error->message, "is no edit") == NULL;

        cr_assert_eq (is_edit, edits, "%s", rows[i].word);
      }
}
