/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * frame-log.c: takes bytes from the taps of contexts apart, and hands them to the kinds of logs.
 *
 * Contexts live in several threads: all that is done with a log is done under its lock, the writing
 * included, so that lines stand in the order of their times.
 */
#include "frame-log.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "frame-log-private.h"
#include "message-count.h"
#include "milter-frame-stream.h"
#include "tool-address.h"

/* a log of some kind, and where its lines go */
typedef struct
{
  const FrameLogKind *kind;
  gpointer self;
  GString *text; /* what is not written yet */
  const char *name; /* unowned: what sentences call it */
  FILE *out;
  bool owned, failed;
} Output;

struct _FrameLog
{
  pthread_mutex_t lock;
  GPtrArray *outputs; /* of Output */
  gint64 start_us;    /* monotonic */
  guint n_connections;
  char *address;      /* (nullable) where the milter listens */
};

/* a connection that is followed */
typedef struct
{
  FrameLog *log;
  guint number;
  MilterFrameStream said[2]; /* by side */
  MessageCount *count;
} Watched;

/* --- outputs ------------------------------------------------------------------------------------ */

static void
output_free (gpointer data)
{
  Output *output = data;

  output->kind->free (output->self);
  g_string_free (output->text, TRUE);
  if (output->owned)
    fclose (output->out);
  g_free (output);
}

static void
write_output (Output *output)
{
  if (output->text->len == 0)
    return;
  errno = 0;
  /* at once: what is lost when the program is killed is what is under way */
  if (!output->failed
      && (fwrite (output->text->str, 1, output->text->len, output->out) != output->text->len
          || fflush (output->out) != 0))
    {
      output->failed = true;
      tool_error ("%s cannot be written: %s", output->name, g_strerror (errno));
    }
  g_string_truncate (output->text, 0);
}

static void
write_all (FrameLog *log)
{
  for (guint i = 0; i < log->outputs->len; i++)
    write_output (g_ptr_array_index (log->outputs, i));
}

static void
add_output (FrameLog *log, const FrameLogKind *kind, FILE *out, const char *name)
{
  Output *output = g_new0 (Output, 1);

  output->kind = kind;
  output->text = g_string_new (NULL);
  output->self = kind->new (g_get_real_time (), output->text);
  output->out = out;
  output->owned = out != stdout && out != stderr;
  output->name = name;
  g_ptr_array_add (log->outputs, output);
}

static bool
add_trace (FrameLog *log, const char *path)
{
  FILE *out = strcmp (path, "-") == 0 ? stdout : fopen (path, "we");

  if (out != NULL)
    {
      add_output (log, &frame_log_trace, out, path);
      return true;
    }
  tool_usage_error ("--trace: \"%s\" cannot be written: %s", path, g_strerror (errno));
  return false;
}

FrameLog *
frame_log_new (const TestClientOptions *options)
{
  g_autoptr (FrameLog) log = g_new0 (FrameLog, 1);

  pthread_mutex_init (&log->lock, NULL);
  log->outputs = g_ptr_array_new_with_free_func (output_free);
  log->start_us = g_get_monotonic_time ();
  if (options->trace != NULL && !add_trace (log, options->trace))
    return NULL;
  if (options->json)
    add_output (log, &frame_log_json, stdout, "the standard output");
  if (options->verbose)
    add_output (log, &frame_log_transcript, stderr, "the standard error");
  /* headings are there when somebody begins to listen to them */
  write_all (log);
  return g_steal_pointer (&log);
}

void
frame_log_free (FrameLog *log)
{
  if (log == NULL)
    return;
  g_ptr_array_unref (log->outputs);
  pthread_mutex_destroy (&log->lock);
  g_free (log->address);
  g_free (log);
}

bool
frame_log_finish (FrameLog *log)
{
  bool all_written = true;

  for (guint i = 0; i < log->outputs->len; i++)
    {
      Output *output = g_ptr_array_index (log->outputs, i);

      if (output->kind->finish != NULL)
        output->kind->finish (output->self);
      write_output (output);
      all_written = all_written && !output->failed;
    }
  return all_written;
}

/* --- what happens ------------------------------------------------------------------------------- */

#define TELL(log, function, ...)                                                                   \
  for (guint i_ = 0; i_ < (log)->outputs->len; i_++)                                               \
    {                                                                                              \
      Output *output_ = g_ptr_array_index ((log)->outputs, i_);                                    \
                                                                                                   \
      if (output_->kind->function != NULL)                                                         \
        output_->kind->function (output_->self, __VA_ARGS__);                                      \
    }

static FrameLogPlace
place_of (const Watched *watched, guint message)
{
  return (FrameLogPlace){ .connection = watched->number,
                          .message = message,
                          .time_us = g_get_monotonic_time () - watched->log->start_us };
}

static void
tell_message (Watched *watched, MilterSide from, guint8 letter, MilterBytes payload)
{
  MilterMessage message;
  FrameLogPlace place;

  milter_message_parse (from, letter, payload, &message);
  place = place_of (watched, message_count_take (watched->count, &message));
  TELL (watched->log, message, &place, &message, message_count_get_flags (watched->count));
}

/* what can be no frame, or is none as long as nothing follows */
static void
tell_rest (Watched *watched, MilterSide from)
{
  g_autoptr (GByteArray) rest = milter_frame_stream_take_rest (&watched->said[from]);
  FrameLogPlace place = place_of (watched, 0);

  if (rest->len > 0)
    TELL (watched->log, rest, &place, from, milter_bytes (rest->data, rest->len));
}

static void
take_bytes (Watched *watched, MilterSide from, MilterBytes bytes)
{
  MilterFrameStream *said = &watched->said[from];
  guint8 letter;
  MilterBytes payload;

  milter_frame_stream_feed (said, bytes);
  while (milter_frame_stream_next (said, &letter, &payload))
    tell_message (watched, from, letter, payload);
  if (said->broken)
    tell_rest (watched, from);
}

static void
on_passed (MilterClientContext *context, MilterSide from, MilterBytes bytes, gpointer user_data)
{
  Watched *watched = user_data;
  FrameLogPlace place;

  if (bytes.size == 0)
    return;
  pthread_mutex_lock (&watched->log->lock);
  place = place_of (watched, 0);
  TELL (watched->log, passed, &place, from, bytes);
  take_bytes (watched, from, bytes);
  write_all (watched->log);
  pthread_mutex_unlock (&watched->log->lock);
}

static void
watched_free (Watched *watched)
{
  for (MilterSide side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    milter_frame_stream_clear (&watched->said[side]);
  message_count_free (watched->count);
  g_free (watched);
}

static void
on_ended (MilterClientContext *context, gboolean by_us, gboolean reset, gpointer user_data)
{
  Watched *watched = user_data;
  FrameLog *log = watched->log;
  FrameLogPlace place;

  pthread_mutex_lock (&log->lock);
  for (MilterSide side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    tell_rest (watched, side);
  place = place_of (watched, 0);
  TELL (log, closed, &place, by_us ? MILTER_SIDE_MILTER : MILTER_SIDE_MTA, reset);
  write_all (log);
  watched_free (watched);
  pthread_mutex_unlock (&log->lock);
}

static const MilterClientTap tap = { .passed = on_passed, .ended = on_ended };

/* --- connections -------------------------------------------------------------------------------- */

void
frame_log_set_address (FrameLog *log, const struct sockaddr *address, socklen_t size)
{
  g_free (log->address);
  log->address = tool_address_describe (address, size);
}

const MilterClientTap *
frame_log_watch (FrameLog *log, MilterClientContext *context, gpointer *data)
{
  const MilterGenericSocketAddress *address = milter_client_context_get_socket_address (context);
  g_autofree char *from = tool_address_describe (&address->base, sizeof *address);
  Watched *watched;
  FrameLogPlace place;

  if (log->outputs->len == 0)
    return NULL;
  watched = g_new0 (Watched, 1);
  watched->log = log;
  for (MilterSide side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    milter_frame_stream_init (&watched->said[side], side);
  watched->count = message_count_new ();

  pthread_mutex_lock (&log->lock);
  watched->number = ++log->n_connections;
  place = place_of (watched, 0);
  TELL (log, opened, &place, from, log->address);
  write_all (log);
  pthread_mutex_unlock (&log->lock);
  *data = watched;
  return &tap;
}
