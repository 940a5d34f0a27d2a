/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-anonymizer.c: recordings that are told on.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "capture-test.h"
#include "milter-anonymizer.h"

/* what comes out: the lines of test_sink, and the bytes of all frames */
typedef struct
{
  GString *lines;
  GByteArray *bytes;
  char *mta, *milter;
  char *note;
  gint64 start_ns;
} Told;

static void
told_clear (Told *told)
{
  g_string_free (told->lines, TRUE);
  g_byte_array_unref (told->bytes);
  g_free (told->mta);
  g_free (told->milter);
  g_free (told->note);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Told, told_clear)

static void
on_started (gint64 time_ns, gpointer data)
{
  ((Told *) data)->start_ns = time_ns;
}

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  Told *told = data;

  told->mta = g_strdup (opening->mta);
  told->milter = g_strdup (opening->milter);
  test_sink.opened (place, opening, told->lines);
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  Told *told = data;

  g_byte_array_append (told->bytes, frame.data, (guint) frame.size);
  test_sink.message (place, frame, behind_hole, told->lines);
}

static void
on_raw (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  Told *told = data;

  g_byte_array_append (told->bytes, bytes.data, (guint) bytes.size);
  test_sink.raw (place, bytes, told->lines);
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  test_sink.hole (place, size, letter, ((Told *) data)->lines);
}

static void
on_closed (const MilterCapturePlace *place, bool reset, gpointer data)
{
  test_sink.closed (place, reset, ((Told *) data)->lines);
}

static void
on_note (const MilterCapturePlace *place, const char *text, gpointer data)
{
  Told *told = data;

  told->note = g_strdup (text);
}

static const MilterCaptureSink told_sink = {
  .started = on_started,
  .opened = on_opened,
  .message = on_message,
  .raw = on_raw,
  .hole = on_hole,
  .closed = on_closed,
  .note = on_note,
};

static MilterAnonymizer *
new_anonymizer (Told *told)
{
  *told = (Told){ .lines = g_string_new (NULL), .bytes = g_byte_array_new () };
  return milter_anonymizer_new ((MilterBytes) MILTER_BYTES_INIT ("a secret of tests"), &told_sink, told);
}

static void
tell (MilterAnonymizer *anonymizer, guint connection, MilterSide from, guint8 letter, MilterBytes payload)
{
  g_autoptr (GByteArray) frame = test_frame (letter, payload.data, payload.size);
  MilterCapturePlace place = { .connection = connection, .from = from };

  milter_anonymizer_get_sink ()->message (&place, milter_bytes (frame->data, frame->len), false, anonymizer);
}

/* the payload that one frame gets */
static GByteArray *
replace (MilterSide from, guint8 letter, MilterBytes payload)
{
  g_auto (Told) told;
  g_autoptr (MilterAnonymizer) anonymizer = new_anonymizer (&told);
  GByteArray *replaced = g_byte_array_new ();

  tell (anonymizer, 1, from, letter, payload);
  cr_assert_eq (told.bytes->len, payload.size + 5);
  cr_assert_eq (told.bytes->data[4], letter);
  g_byte_array_append (replaced, told.bytes->data + 5, told.bytes->len - 5);
  return replaced;
}

/* clang-format off */
#define MTA    MILTER_SIDE_MTA
#define MILTER MILTER_SIDE_MILTER

/* with the word secret, which may not stay, and with known ones, which do */
static const struct
{
  MilterSide from;
  guint8 letter;
  MilterBytes payload;
  const char *stays; /* of the frame, up to a first NUL */
} rows[] = {
  { MTA, 'O', MILTER_BYTES_INIT ("\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"), NULL },
  { MILTER, 'O', MILTER_BYTES_INIT ("\0\0\0\6\0\0\1\xff\0\x1f\xff\xff\0\0\0\0j {auth_type} {secret}\0"), "{auth_type}" },
  { MTA, 'D', MILTER_BYTES_INIT ("Cj\0secret.example\0{secret}\0x\0{daemon_name}\0MTA\0"), "{daemon_name}" },
  { MTA, 'D', MILTER_BYTES_INIT ("M{mail_addr}\0secret@example.com\0{mail_mailer}\0esmtp\0i\0" "4secret5\0"), "esmtp" },
  { MTA, 'C', MILTER_BYTES_INIT ("secret.example\0" "4\x8b\x39" "192.0.2.7\0"), NULL },
  { MTA, 'C', MILTER_BYTES_INIT ("unknown\0" "6\x8b\x39" "IPv6:2001:db8::1\0"), "unknown" },
  { MTA, 'C', MILTER_BYTES_INIT ("localhost\0L\0\0/run/secret\0"), "localhost" },
  { MTA, 'C', MILTER_BYTES_INIT ("secret\0U"), NULL },
  { MTA, 'H', MILTER_BYTES_INIT ("secret.example\0"), NULL },
  { MTA, 'M', MILTER_BYTES_INIT ("<secret@example.com>\0SIZE=1000\0ENVID=secret\0"), "SIZE=1000" },
  { MTA, 'R', MILTER_BYTES_INIT ("<secret@example.com>\0ORCPT=rfc822;secret@example.com\0"), "ORCPT=rfc822;" },
  { MTA, 'L', MILTER_BYTES_INIT ("X-Field\0 a secret\0"), "X-Field" },
  { MTA, 'L', MILTER_BYTES_INIT ("Content-Type\0text/plain; name=secret\0"), "text/plain; name=" },
  { MTA, 'B', MILTER_BYTES_INIT ("a secret\r\n"), "\r\n" },
  { MTA, 'E', MILTER_BYTES_INIT ("a secret\r\n"), "\r\n" },
  { MTA, 'U', MILTER_BYTES_INIT ("VRFY secret\0"), "VRFY" },
  { MTA, 'U', MILTER_BYTES_INIT ("SECRET\0"), NULL },
  { MTA, 'L', MILTER_BYTES_INIT ("X-Secret without an end"), NULL },
  { MTA, '?', MILTER_BYTES_INIT ("secret"), NULL },
  { MILTER, 'y', MILTER_BYTES_INIT ("550 5.7.1 secret@example.com rejected\0"), "rejected" },
  { MILTER, 'h', MILTER_BYTES_INIT ("X-Field\0secret\0"), "X-Field" },
  { MILTER, 'i', MILTER_BYTES_INIT ("\0\0\0A" "X-Field\0secret\0"), "X-Field" },
  { MILTER, 'm', MILTER_BYTES_INIT ("\0\0\0\1" "Date\0secret Sun, 22 Nov 2026 09:15:02 +0100\0"), "Sun, 22 Nov 2026 09:15:02 +0100" },
  { MILTER, 'b', MILTER_BYTES_INIT ("a secret\r\n"), "\r\n" },
  { MILTER, '+', MILTER_BYTES_INIT ("<secret@example.com>\0"), "@" },
  { MILTER, '2', MILTER_BYTES_INIT ("<secret@example.com>\0NOTIFY=NEVER ENVID=secret\0"), "NOTIFY=NEVER" },
  { MILTER, '-', MILTER_BYTES_INIT ("<secret@example.com>\0"), "@" },
  { MILTER, 'e', MILTER_BYTES_INIT ("<secret@example.com>\0AUTH=secret\0"), "AUTH=" },
  { MILTER, 'q', MILTER_BYTES_INIT ("held for secret\0"), NULL },
  { MILTER, 'c', MILTER_BYTES_INIT ("secret"), NULL },
  { MILTER, 'c', MILTER_BYTES_INIT (""), NULL },
};
/* clang-format on */

static bool
contains (const GByteArray *bytes, const char *part)
{
  for (gsize i = 0; i + strlen (part) <= bytes->len; i++)
    if (g_ascii_strncasecmp ((const char *) bytes->data + i, part, strlen (part)) == 0)
      return true;
  return false;
}

Test (anonymizer, frames_keep_their_form_and_lose_their_words)
{
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GByteArray) replaced = replace (rows[i].from, rows[i].letter, rows[i].payload);
      MilterMessage before, after;

      milter_message_parse (rows[i].from, rows[i].letter, rows[i].payload, &before);
      milter_message_parse (rows[i].from, rows[i].letter, milter_bytes (replaced->data, replaced->len), &after);
      cr_assert_eq (before.fault, after.fault, "row %zu", i);
      cr_assert (!contains (replaced, "secret"), "row %zu", i);
      cr_assert (!contains (replaced, "example"), "row %zu", i);
      cr_assert (rows[i].stays == NULL || contains (replaced, rows[i].stays), "row %zu", i);
      for (gsize k = 0; k < replaced->len; k++)
        cr_assert_eq (replaced->data[k] == 0, rows[i].payload.data[k] == 0, "row %zu at %zu", i, k);
    }
}

Test (anonymizer, numbers_stay)
{
  static const MilterBytes offer = MILTER_BYTES_INIT ("\0\0\0\6\0\0AB\0\x1f\x41\xff");
  g_autoptr (GByteArray) offered = replace (MTA, 'O', offer);
  g_autoptr (GByteArray) edit = replace (MILTER, 'i', (MilterBytes) MILTER_BYTES_INIT ("\0AB\1X\0y\0"));

  cr_assert_arr_eq (offered->data, offer.data, offer.size);
  cr_assert_arr_eq (edit->data, "\0AB\1X", 5);
}

Test (anonymizer, the_port_of_a_client_is_the_same_in_its_macro)
{
  g_autoptr (GByteArray) connect = replace (MTA, 'C', (MilterBytes) MILTER_BYTES_INIT ("x\0" "4\x8b\x39" "192.0.2.7\0"));
  g_autoptr (GByteArray) macros = replace (MTA, 'D', (MilterBytes) MILTER_BYTES_INIT ("C{client_addr}\0" "192.0.2.7\0{client_port}\0" "35641\0"));
  guint port = (guint) connect->data[3] << 8 | connect->data[4];

  cr_assert_neq (port, 35641);
  cr_assert_eq (atoi ((char *) macros->data + 1 + 14 + 10 + 14), (int) port);
  cr_assert_str_eq ((char *) connect->data + 5, (char *) macros->data + 1 + 14);
}

Test (anonymizer, bodies_are_read_as_their_fields_tell)
{
  static const MilterBytes base64 = MILTER_BYTES_INIT ("YWxpY2U=\r\n");
  g_auto (Told) told;
  g_autoptr (MilterAnonymizer) anonymizer = new_anonymizer (&told);
  g_autoptr (GByteArray) plain = replace (MTA, 'H', (MilterBytes) MILTER_BYTES_INIT ("alice\0"));
  g_autofree char *wanted = g_base64_encode (plain->data, 5);

  tell (anonymizer, 1, MTA, 'M', (MilterBytes) MILTER_BYTES_INIT ("<>\0"));
  tell (anonymizer, 1, MTA, 'L', (MilterBytes) MILTER_BYTES_INIT ("content-transfer-encoding\0base64\0"));
  /* another connection does not count */
  tell (anonymizer, 2, MTA, 'M', (MilterBytes) MILTER_BYTES_INIT ("<>\0"));
  g_byte_array_set_size (told.bytes, 0);
  tell (anonymizer, 1, MTA, 'B', base64);
  cr_assert_eq (memcmp (told.bytes->data + 5, wanted, 8), 0);
  g_byte_array_set_size (told.bytes, 0);
  tell (anonymizer, 1, MILTER, 'b', base64);
  cr_assert_eq (memcmp (told.bytes->data + 5, wanted, 8), 0);
  /* nor does the next message */
  tell (anonymizer, 1, MTA, 'M', (MilterBytes) MILTER_BYTES_INIT ("<>\0"));
  g_byte_array_set_size (told.bytes, 0);
  tell (anonymizer, 1, MTA, 'B', base64);
  cr_assert_neq (memcmp (told.bytes->data + 5, wanted, 8), 0);
}

Test (anonymizer, what_the_milter_makes_of_the_encoding_counts_for_its_body)
{
  static const MilterBytes base64 = MILTER_BYTES_INIT ("YWxpY2U=\r\n");
  g_auto (Told) told;
  g_autoptr (MilterAnonymizer) anonymizer = new_anonymizer (&told);
  g_autoptr (GByteArray) plain = replace (MTA, 'H', (MilterBytes) MILTER_BYTES_INIT ("alice\0"));
  g_autofree char *wanted = g_base64_encode (plain->data, 5);

  tell (anonymizer, 1, MILTER, 'm', (MilterBytes) MILTER_BYTES_INIT ("\0\0\0\1Content-Transfer-Encoding\0base64\0"));
  g_byte_array_set_size (told.bytes, 0);
  tell (anonymizer, 1, MILTER, 'b', base64);
  cr_assert_eq (memcmp (told.bytes->data + 5, wanted, 8), 0);
  g_byte_array_set_size (told.bytes, 0);
  tell (anonymizer, 1, MTA, 'B', base64);
  cr_assert_neq (memcmp (told.bytes->data + 5, wanted, 8), 0);
}

Test (anonymizer, all_else_is_told_on)
{
  const MilterCaptureSink *sink = milter_anonymizer_get_sink ();
  MilterCapturePlace place = { .connection = 1, .from = MTA };
  MilterCaptureOpening opening = { "192.0.2.7:34290", "192.0.2.8:8891", true };
  g_auto (Told) told;
  g_autoptr (MilterAnonymizer) anonymizer = new_anonymizer (&told);

  sink->started (1795358871000000000, anonymizer);
  sink->opened (&place, &opening, anonymizer);
  sink->message (&place, (MilterBytes) MILTER_BYTES_INIT ("\0\0\0\1N"), true, anonymizer);
  sink->hole (&place, 20, 'B', anonymizer);
  sink->raw (&place, (MilterBytes) MILTER_BYTES_INIT ("\0\0\0\x7fMsecret<"), anonymizer);
  sink->closed (&place, false, anonymizer);
  sink->note (&place, "link type 77 is not known here", anonymizer);
  cr_assert_str_eq (told.lines->str, "open 1\n1 > N?\n1 > hole 20 in B\n1 > raw 12\n1 > close\n");
  cr_assert_str_eq (told.note, "link type 77 is not known here");
  cr_assert_eq (told.start_ns, 1795358871000000000);
  cr_assert_str_neq (told.mta, opening.mta);
  cr_assert_eq (strlen (told.mta), strlen (opening.mta));
  cr_assert_str_neq (told.milter, opening.milter);
  cr_assert (g_str_has_suffix (told.milter, ":8891"));
  /* the beginning of a frame is seen, and no more of it */
  cr_assert_eq (memcmp (told.bytes->data + 5, "\0\0\0\x7fM", 5), 0);
  cr_assert_neq (memcmp (told.bytes->data + 10, "secret", 6), 0);
}

Test (anonymizer, remarks_of_a_reader_stay_and_comments_do_not)
{
  static const struct
  {
    const char *text;
    bool stays;
  } notes[] = {
    { "an IP fragment; fragments are not put together", true },
    { "its headers were not captured whole", true },
    { "its link type is not known here", true },
    { "link type 77 is not known here", true },
    { "the same of 77 more frames: its headers were not captured whole", true },
    { "77 connections were given up because more than 10 were open at a time", true },
    { "34 bytes of the MTA were left out: the frames that they belong to begin in a hole", true },
    { "5 bytes of the milter were left out: the frames that they belong to begin in a hole", true },
    { "3 messages before are left out, which do not match", true },
    { "a call from 089 1234567, by bob", false },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (notes); i++)
    {
      MilterCapturePlace place = { .connection = 0 };
      g_auto (Told) told;
      g_autoptr (MilterAnonymizer) anonymizer = new_anonymizer (&told);

      milter_anonymizer_get_sink ()->note (&place, notes[i].text, anonymizer);
      cr_assert_eq (strcmp (told.note, notes[i].text) == 0, notes[i].stays, "%s", told.note);
      if (!notes[i].stays)
        for (const char *word = strtok (told.note, " ,"); word != NULL; word = strtok (NULL, " ,"))
          cr_assert_null (strstr (notes[i].text, word) != NULL && strlen (word) > 1 ? word : NULL, "%s", word);
    }
}

Test (anonymizer, what_nobody_wants_is_not_told)
{
  static const MilterCaptureSink nobody = { 0 };
  const MilterCaptureSink *sink = milter_anonymizer_get_sink ();
  MilterCapturePlace place = { .connection = 1, .from = MTA };
  MilterCaptureOpening opening = { NULL, NULL, false };
  g_autoptr (MilterAnonymizer) anonymizer = milter_anonymizer_new (milter_bytes (NULL, 0), &nobody, NULL);

  sink->started (1, anonymizer);
  sink->opened (&place, &opening, anonymizer);
  tell (anonymizer, 1, MTA, 'B', (MilterBytes) MILTER_BYTES_INIT ("text"));
  sink->hole (&place, 20, 'B', anonymizer);
  sink->raw (&place, (MilterBytes) MILTER_BYTES_INIT ("x"), anonymizer);
  sink->closed (&place, true, anonymizer);
  sink->note (&place, "text", anonymizer);
}

/* behind a hole nobody knows whether this is still base64 */
Test (anonymizer, behind_a_hole_a_body_is_text)
{
  const MilterCaptureSink *sink = milter_anonymizer_get_sink ();
  MilterCapturePlace place = { .connection = 1, .from = MTA };
  g_auto (Told) told;
  g_autoptr (MilterAnonymizer) anonymizer = new_anonymizer (&told);

  tell (anonymizer, 1, MTA, 'L', (MilterBytes) MILTER_BYTES_INIT ("Content-Transfer-Encoding\0base64\0"));
  tell (anonymizer, 1, MTA, 'B', (MilterBytes) MILTER_BYTES_INIT ("YWxpY2U=\r\n"));
  sink->hole (&place, 20, 'B', anonymizer);
  g_byte_array_set_size (told.bytes, 0);
  tell (anonymizer, 1, MTA, 'B', (MilterBytes) MILTER_BYTES_INIT ("alice, meet alice\r\n"));
  cr_assert_eq (memcmp (told.bytes->data + 5, told.bytes->data + 17, 5), 0);
  cr_assert (!contains (told.bytes, "alice"));
}
