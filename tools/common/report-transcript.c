/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-transcript.c: what was said in a session, in bounded memory.
 */
#include "report-transcript.h"

#include <string.h>

/* A longer payload is kept as the text that people read of it, which is short. */
#define MAX_PAYLOAD 512u

typedef struct
{
  gint64 at_us;
  guint peer;
  MilterSide sender;
  MilterTextFlags flags;
  guint8 letter;
  bool is_text;
  GString *bytes; /* the payload, or text */
} Entry;

struct _ReportTranscript
{
  guint64 n;
  GPtrArray *first; /* (nullable) of Entry */
  GPtrArray *last;  /* (nullable) of Entry; a ring when it is full */
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_string_free (entry->bytes, TRUE);
  g_free (entry);
}

ReportTranscript *
report_transcript_new (void)
{
  return g_new0 (ReportTranscript, 1);
}

void
report_transcript_free (ReportTranscript *transcript)
{
  if (transcript == NULL)
    return;
  g_clear_pointer (&transcript->first, g_ptr_array_unref);
  g_clear_pointer (&transcript->last, g_ptr_array_unref);
  g_free (transcript);
}

/* where the Nth is kept, or will be */
static Entry *
slot (const ReportTranscript *transcript, guint64 n)
{
  if (n < REPORT_TRANSCRIPT_FIRST)
    return g_ptr_array_index (transcript->first, (guint) n);
  return g_ptr_array_index (transcript->last,
                            (guint) ((n - REPORT_TRANSCRIPT_FIRST) % REPORT_TRANSCRIPT_LAST));
}

static Entry *
next_slot (ReportTranscript *transcript)
{
  guint64 n = transcript->n++;
  GPtrArray **into = n < REPORT_TRANSCRIPT_FIRST ? &transcript->first : &transcript->last;

  if (n < REPORT_TRANSCRIPT_FIRST + REPORT_TRANSCRIPT_LAST)
    {
      Entry *entry = g_new0 (Entry, 1);

      entry->bytes = g_string_new (NULL);
      if (*into == NULL)
        *into = g_ptr_array_new_with_free_func (entry_free);
      g_ptr_array_add (*into, entry);
    }
  return slot (transcript, n);
}

void
report_transcript_add (ReportTranscript *transcript,
                       guint peer,
                       const MilterMessage *message,
                       MilterTextFlags flags,
                       gint64 at_us)
{
  Entry *entry = next_slot (transcript);

  entry->at_us = at_us;
  entry->peer = peer;
  entry->sender = message->sender;
  entry->flags = flags;
  entry->letter = message->letter;
  entry->is_text = message->payload.size > MAX_PAYLOAD;
  g_string_truncate (entry->bytes, 0);
  if (entry->is_text)
    milter_message_append_text (message, flags, entry->bytes);
  else
    g_string_append_len (
        entry->bytes, (const char *) message->payload.data, (gssize) message->payload.size);
}

guint64
report_transcript_get_size (const ReportTranscript *transcript)
{
  return transcript->n;
}

static void
append_entry (const Entry *entry, const char *const *names, GString *text)
{
  g_string_append_printf (text,
                          "+%.4f %c ",
                          (double) entry->at_us / G_USEC_PER_SEC,
                          entry->sender == MILTER_SIDE_MTA ? '>' : '<');
  if (names != NULL)
    g_string_append_printf (text, "%s: ", names[entry->peer]);
  if (entry->is_text)
    g_string_append_len (text, entry->bytes->str, (gssize) entry->bytes->len);
  else
    {
      MilterMessage message;

      milter_message_parse (entry->sender,
                            entry->letter,
                            milter_bytes (entry->bytes->str, entry->bytes->len),
                            &message);
      milter_message_append_text (&message, entry->flags, text);
    }
  g_string_append_c (text, '\n');
}

void
report_transcript_append_text (const ReportTranscript *transcript,
                               guint64 from,
                               const char *const *names,
                               GString *text)
{
  guint64 kept = transcript->n > REPORT_TRANSCRIPT_FIRST + REPORT_TRANSCRIPT_LAST
                     ? transcript->n - REPORT_TRANSCRIPT_LAST
                     : REPORT_TRANSCRIPT_FIRST;
  guint64 gap_begin = MAX (from, REPORT_TRANSCRIPT_FIRST);

  for (guint64 i = from; i < MIN (transcript->n, REPORT_TRANSCRIPT_FIRST); i++)
    append_entry (slot (transcript, i), names, text);
  if (kept > gap_begin)
    g_string_append_printf (
        text, "… %" G_GUINT64_FORMAT " frames are left out here\n", kept - gap_begin);
  for (guint64 i = MAX (from, kept); i < transcript->n; i++)
    append_entry (slot (transcript, i), names, text);
}
