/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-log.c: what a proxy passes on, as a trace or as a capture.
 *
 * The writer of traces holds back the latest command of each connection until it knows what follows. So
 * that a recorder that is killed has lost nothing that has passed, what is held back stands at the end
 * of the file as if nothing followed, and is written over with what comes. If many connections are in
 * the middle of large bodies, that is much to write with each frame, and done some times a second only.
 */
#include "record-log.h"

#include "milter-pcap-writer.h"
#include "milter-trace-writer.h"

/* what is held back is written at once up to this size … */
#define MAX_HELD_AT_ONCE ((gsize) 64 << 10)
/* … and else so often at most */
#define HELD_PAUSE_MS 100

/* what differs between the formats */
typedef struct
{
  void (*begin) (RecordLog *log, gint64 start_us);
  void (*opened) (RecordLog *log, guint connection, const char *mta, const char *milter);
  void (*passed) (RecordLog *log, guint connection, MilterSide from, MilterBytes bytes);
  void (*closed) (RecordLog *log, guint connection, MilterSide by, bool reset);
  void (*finish) (RecordLog *log);
  void (*write_out) (RecordLog *log);
  void (*clear) (RecordLog *log);
} Kind;

struct _RecordLog
{
  const Kind *kind;
  RecordFile *file;
  gint64 monotonic_us; /* when it began, by the clock that does not jump … */
  gint64 start_us;     /* … and by the other one */
  GSource *soon;       /* writes what is unwritten */
  bool unwritten;
  guint64 n_writes;

  MilterTraceWriter *trace;
  GString *text; /* what is not written yet */
  GString *held;
  guint pause; /* until what is held back is written again */

  MilterPcapWriter *pcap;
  GByteArray *packets; /* what is not written yet */
};

static gint64
since_start_ns (const RecordLog *log)
{
  return (g_get_monotonic_time () - log->monotonic_us) * 1000;
}

/* --- a trace ------------------------------------------------------------------------------------- */

static MilterBytes
view (const GString *text)
{
  return milter_bytes (text->str, text->len);
}

static void
begin_trace (RecordLog *log, gint64 start_us)
{
  log->text = g_string_new (NULL);
  log->held = g_string_new (NULL);
  log->trace = milter_trace_writer_new (start_us, log->text);
}

static void
trace_opened (RecordLog *log, guint connection, const char *mta, const char *milter)
{
  milter_trace_writer_opened (log->trace, connection, mta, milter, since_start_ns (log));
}

static void
trace_passed (RecordLog *log, guint connection, MilterSide from, MilterBytes bytes)
{
  milter_trace_writer_passed (log->trace, connection, from, bytes, since_start_ns (log));
}

static void
trace_closed (RecordLog *log, guint connection, MilterSide by, bool reset)
{
  milter_trace_writer_closed (log->trace, connection, by, reset, since_start_ns (log));
}

static void
write_held (RecordLog *log)
{
  g_string_truncate (log->held, 0);
  if (record_file_may_be_rewritten (log->file))
    milter_trace_writer_append_held (log->trace, log->held);
  record_file_write (log->file, view (log->text), view (log->held));
  g_string_truncate (log->text, 0);
}

static gboolean
on_pause_over (gpointer data)
{
  RecordLog *log = data;

  log->pause = 0;
  write_held (log);
  return G_SOURCE_REMOVE;
}

static void
write_trace (RecordLog *log)
{
  if (log->pause != 0)
    {
      record_file_write (log->file, view (log->text), milter_bytes (NULL, 0));
      g_string_truncate (log->text, 0);
      return;
    }
  write_held (log);
  if (log->held->len > MAX_HELD_AT_ONCE)
    log->pause = g_timeout_add (HELD_PAUSE_MS, on_pause_over, log);
}

static void
finish_trace (RecordLog *log)
{
  g_clear_handle_id (&log->pause, g_source_remove);
  milter_trace_writer_finish (log->trace);
  write_held (log);
}

static void
clear_trace (RecordLog *log)
{
  g_clear_handle_id (&log->pause, g_source_remove);
  milter_trace_writer_free (log->trace);
  g_string_free (log->text, TRUE);
  g_string_free (log->held, TRUE);
}

/* --- a capture ----------------------------------------------------------------------------------- */

static gint64
now_ns (const RecordLog *log)
{
  return log->start_us * 1000 + since_start_ns (log);
}

static void
begin_pcap (RecordLog *log, gint64 start_us)
{
  log->packets = g_byte_array_new ();
  log->pcap = milter_pcap_writer_new (log->packets);
}

static void
pcap_opened (RecordLog *log, guint connection, const char *mta, const char *milter)
{
  MilterCaptureOpening opening = { .mta = mta, .milter = milter, .from_start = true };

  milter_pcap_writer_opened (log->pcap, connection, &opening, now_ns (log));
}

static void
pcap_passed (RecordLog *log, guint connection, MilterSide from, MilterBytes bytes)
{
  milter_pcap_writer_passed (log->pcap, connection, from, bytes, now_ns (log));
}

static void
pcap_closed (RecordLog *log, guint connection, MilterSide by, bool reset)
{
  milter_pcap_writer_closed (log->pcap, connection, by, reset, now_ns (log));
}

static void
write_pcap (RecordLog *log)
{
  record_file_write (
      log->file, milter_bytes (log->packets->data, log->packets->len), milter_bytes (NULL, 0));
  g_byte_array_set_size (log->packets, 0);
}

static void
clear_pcap (RecordLog *log)
{
  milter_pcap_writer_free (log->pcap);
  g_byte_array_unref (log->packets);
}

/* --- for the proxy ------------------------------------------------------------------------------- */

static const Kind kinds[] = {
  [RECORD_LOG_TRACE] = { .begin = begin_trace,
                         .opened = trace_opened,
                         .passed = trace_passed,
                         .closed = trace_closed,
                         .finish = finish_trace,
                         .write_out = write_trace,
                         .clear = clear_trace },
  [RECORD_LOG_PCAP] = { .begin = begin_pcap,
                        .opened = pcap_opened,
                        .passed = pcap_passed,
                        .closed = pcap_closed,
                        .finish = write_pcap,
                        .write_out = write_pcap,
                        .clear = clear_pcap },
};

void
record_log_write (RecordLog *log)
{
  log->unwritten = false;
  log->n_writes++;
  log->kind->write_out (log);
}

void
record_log_write_soon (RecordLog *log)
{
  log->unwritten = true;
}

guint64
record_log_get_n_writes (const RecordLog *log)
{
  return log->n_writes;
}

/* one source for all times: to make and attach one costs as much as to write */
typedef struct
{
  GSource source;
  RecordLog *log; /* unowned */
} SoonSource;

static gboolean
soon_prepare (GSource *source, int *timeout)
{
  *timeout = -1;
  return ((SoonSource *) source)->log->unwritten;
}

static gboolean
soon_dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  record_log_write (((SoonSource *) source)->log);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs soon_funcs = { .prepare = soon_prepare, .dispatch = soon_dispatch };

static void
add_soon (RecordLog *log)
{
  log->soon = g_source_new (&soon_funcs, sizeof (SoonSource));
  ((SoonSource *) log->soon)->log = log;
  g_source_set_static_name (log->soon, "record-log");
  g_source_attach (log->soon, /* context= */ NULL);
}

RecordLog *
record_log_new (RecordFile *file, RecordLogKind kind)
{
  RecordLog *log = g_new0 (RecordLog, 1);

  log->kind = &kinds[kind];
  log->file = file;
  log->monotonic_us = g_get_monotonic_time ();
  log->start_us = g_get_real_time ();
  log->kind->begin (log, log->start_us);
  add_soon (log);
  record_log_write (log);
  return log;
}

void
record_log_free (RecordLog *log)
{
  if (log == NULL)
    return;
  g_source_destroy (log->soon);
  g_source_unref (log->soon);
  log->kind->clear (log);
  record_file_free (log->file);
  g_free (log);
}

void
record_log_opened (RecordLog *log, guint connection, const char *mta, const char *milter)
{
  log->kind->opened (log, connection, mta, milter);
  record_log_write (log);
}

void
record_log_passed (RecordLog *log, guint connection, MilterSide from, MilterBytes bytes)
{
  log->kind->passed (log, connection, from, bytes);
}

void
record_log_closed (RecordLog *log, guint connection, MilterSide by, bool reset)
{
  log->kind->closed (log, connection, by, reset);
  record_log_write (log);
}

bool
record_log_finish (RecordLog *log)
{
  log->unwritten = false;
  log->kind->finish (log);
  return record_file_finish (log->file);
}
