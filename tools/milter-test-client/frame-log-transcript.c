/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * frame-log-transcript.c: --verbose: what is said, as people read it: `>` from the MTA, `<` to it.
 */
#include "frame-log-private.h"

static gpointer
transcript_new (gint64 start_us, GString *text)
{
  return text;
}

static void
transcript_free (gpointer self)
{
}

static void
begin_line (GString *text, const FrameLogPlace *place)
{
  g_string_append_printf (
      text, "+%.4f @%u ", (double) place->time_us / G_USEC_PER_SEC, place->connection);
}

static char
arrow_of (MilterSide from)
{
  return from == MILTER_SIDE_MTA ? '>' : '<';
}

static void
transcript_opened (gpointer self, const FrameLogPlace *place, const char *from, const char *to)
{
  begin_line (self, place);
  g_string_append_printf (
      self, "connection from %s\n", from != NULL ? from : "a unix socket");
}

static void
transcript_message (gpointer self,
                    const FrameLogPlace *place,
                    const MilterMessage *message,
                    MilterTextFlags flags)
{
  begin_line (self, place);
  g_string_append_printf (self, "%c ", arrow_of (message->sender));
  milter_message_append_text (message, flags | MILTER_TEXT_SHORT, self);
  g_string_append_c (self, '\n');
}

static void
transcript_rest (gpointer self, const FrameLogPlace *place, MilterSide from, MilterBytes bytes)
{
  begin_line (self, place);
  g_string_append_printf (self, "%c raw ", arrow_of (from));
  milter_text_append_quoted (bytes, MILTER_TEXT_SHORT, self);
  g_string_append_c (self, '\n');
}

static void
transcript_closed (gpointer self, const FrameLogPlace *place, MilterSide by, bool reset)
{
  begin_line (self, place);
  g_string_append_printf (self,
                          "%s by the %s\n",
                          reset ? "reset" : "closed",
                          by == MILTER_SIDE_MTA ? "MTA" : "milter");
}

const FrameLogKind frame_log_transcript = {
  .new = transcript_new,
  .free = transcript_free,
  .opened = transcript_opened,
  .message = transcript_message,
  .rest = transcript_rest,
  .closed = transcript_closed,
};
