/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-trace.c: anything that may pass on a connection, as a trace. Whatever it is, the trace parses,
 * is in its canonical form, and a player sends nothing else than what the MTA sent; all of it, if the
 * milter does what the trace tells. Read again, it gives the bytes of both. A broken promise aborts.
 *
 * The input is a list of events: `>` or `<`, a letter, a length, a payload: a frame of the MTA, of the
 * milter; `{` or `}`, a length, bytes: bytes of theirs; `C`, `R`, `c`, `r`: the MTA closes, resets, the
 * milter does. Other bytes are passed over.
 */
#include <string.h>

#include "fuzz.h"
#include "milter-format.h"
#include "trace-replay.h"

typedef struct
{
  const guint8 *data;
  gsize size;
} Input;

static guint8
take (Input *input)
{
  if (input->size == 0)
    return 0;
  input->size--;
  return *input->data++;
}

static MilterBytes
take_bytes (Input *input)
{
  gsize size = take (input);
  MilterBytes bytes = milter_bytes (input->data, MIN (size, input->size));

  input->data += bytes.size;
  input->size -= bytes.size;
  return bytes;
}

static void
add_frame (GPtrArray *events, MilterSide from, Input *input)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();
  guint8 letter = take (input);

  milter_frame_append (letter, take_bytes (input), frame);
  trace_events_add (events, from, frame->data, frame->len);
}

static void
add_bytes (GPtrArray *events, MilterSide from, Input *input)
{
  MilterBytes bytes = take_bytes (input);

  trace_events_add (events, from, bytes.data, bytes.size);
}

static GPtrArray *
read_events (Input input)
{
  GPtrArray *events = trace_events_new ();

  while (input.size > 0)
    {
      guint8 kind = take (&input);

      if (kind == '>' || kind == '<')
        add_frame (events, kind == '>' ? MILTER_SIDE_MTA : MILTER_SIDE_MILTER, &input);
      else if (kind == '{' || kind == '}')
        add_bytes (events, kind == '{' ? MILTER_SIDE_MTA : MILTER_SIDE_MILTER, &input);
      else if (kind == 'C' || kind == 'R')
        trace_events_add_end (events, MILTER_SIDE_MTA, kind == 'R');
      else if (kind == 'c' || kind == 'r')
        trace_events_add_end (events, MILTER_SIDE_MILTER, kind == 'r');
    }
  return events;
}

static void
check_canonical (const GString *text)
{
  g_autoptr (GString) messages = g_string_new (NULL);
  g_autoptr (GString) formatted
      = milter_scenario_format ("x", text->str, text->len, /* host= */ NULL, messages);

  g_assert_cmpstr (messages->str, ==, "");
  g_assert_cmpmem (formatted->str, formatted->len, text->str, text->len);
}

static void
check_read_back (const TraceReplay *replay, const GByteArray *said, MilterSide side)
{
  const GByteArray *read = replay->read_back[side];

  if (read->len != said->len || (said->len > 0 && memcmp (read->data, said->data, said->len) != 0))
    g_error ("%u bytes of side %d were read instead of %u: %s\n%s",
             read->len,
             (int) side,
             said->len,
             replay->report->str,
             replay->text->str);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GPtrArray) events = read_events ((Input){ data, size });
  g_autoptr (TraceReplay) replay = trace_replay_run (events, /* in_order= */ FALSE);

  if (replay->sent == NULL)
    g_error ("%s\n%s", replay->report->str, replay->text->str);
  check_canonical (replay->text);
  check_read_back (replay, replay->said, MILTER_SIDE_MTA);
  check_read_back (replay, replay->answered, MILTER_SIDE_MILTER);
  if (replay->outcome == MILTER_OUTCOME_HELD ? replay->sent->len != replay->said->len
                                             : replay->sent->len > replay->said->len)
    g_error ("%u bytes instead of %u: %s\n%s",
             replay->sent->len,
             replay->said->len,
             replay->report->str,
             replay->text->str);
  if (replay->sent->len > 0 && memcmp (replay->sent->data, replay->said->data, replay->sent->len) != 0)
    g_error ("other bytes: %s\n%s", replay->report->str, replay->text->str);
  return 0;
}
