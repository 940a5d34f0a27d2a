/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-trace-writer.c: what passed, as lines that a player turns into the same bytes again.
 *
 * The writer walks along as the player will: command by command, each with its answers, whatever the
 * MTA sent ahead. A command that the player would leave out (milter-trace-session.c), or whose answer
 * it would wait for in vain, is written as `frame`, which is always sent.
 */
#include "milter-trace-writer.h"

#include <stdbool.h>
#include <string.h>

#include "milter-frame-stream.h"
#include "milter-text-private.h"
#include "milter-trace-private.h"

/* `raw` lines are cut, so that none gets too long for a reader */
#define MAX_RAW ((gsize) 64 << 10)

typedef enum
{
  ITEM_FRAME,
  ITEM_RAW,
  ITEM_CLOSE,
  ITEM_RESET
} ItemKind;

/* something that the MTA did: one piece of memory */
typedef struct
{
  GList link; /* in its queue */
  ItemKind kind;
  gint64 time_ns;
  guint8 letter; /* FRAME */
  gsize size;
  guint8 bytes[]; /* FRAME: the payload; RAW */
} Item;

/* the end of the milter's side */
typedef struct
{
  bool set, reset;
  gint64 time_ns;
} End;

typedef struct
{
  guint number;
  MilterFrameStream said[2]; /* by side; behind bytes that are no frame all is raw */
  gint64 latest_ns;          /* when something passed last */

  GQueue ahead;           /* of Item: in order, behind the current one */
  gsize held;             /* what they cost */
  Item *current;          /* (nullable) the latest that the milter has been asked */
  bool printed;           /* … its line is there */
  bool begun;             /* … and edits or progress, behind which the answer has to follow */
  bool any;               /* there is a line that `=>` can stand under */
  bool mta_closed;        /* … before the milter did */
  End milter_end;

  MilterTraceSession session;

  GList holding;          /* its link in the writer's queue … */
  bool holds;             /* … if it is there: something is held back */
  GString *held_lines;    /* (nullable) as they would be written now */
} Connection;

struct _MilterTraceWriter
{
  GString *text;           /* unowned */
  GHashTable *connections; /* of Connection, by number */
  Connection *latest;      /* unowned (nullable): most events are of the same one */
  GQueue holding;          /* of Connection, unowned: those of which something is held back */
};

/* links are parts of items */
static void
clear_queue (GQueue *queue)
{
  for (GList *link = queue->head; link != NULL;)
    {
      Item *item = link->data;

      link = link->next;
      g_free (item);
    }
  g_queue_init (queue);
}

static void
connection_free (gpointer data)
{
  Connection *connection = data;

  for (int side = 0; side < 2; side++)
    milter_frame_stream_clear (&connection->said[side]);
  clear_queue (&connection->ahead);
  g_free (connection->current);
  milter_trace_session_clear (&connection->session);
  if (connection->held_lines != NULL)
    g_string_free (connection->held_lines, TRUE);
  g_free (connection);
}

static MilterBytes
view (const Item *item)
{
  return milter_bytes (item->bytes, item->size);
}

/* --- lines ------------------------------------------------------------------------------------- */

static void
append_number (guint64 number, GString *text)
{
  char digits[MILTER_TEXT_NUMBER_SIZE];
  const char *end = _milter_text_write_number (number, digits);

  g_string_append_len (text, digits, end - digits);
}

/* digits behind the point, without zeros at the end */
static void
append_fraction (guint64 fraction, gsize n_digits, GString *text)
{
  char digits[20] = { '.' };
  gsize n = n_digits;

  if (fraction == 0)
    return;
  for (; fraction % 10 == 0; n--)
    fraction /= 10;
  for (gsize i = n; i > 0; i--, fraction /= 10)
    digits[i] = (char) ('0' + fraction % 10);
  g_string_append_len (text, digits, (gssize) (n + 1));
}

static void
begin_line (MilterTraceWriter *writer, const Connection *connection, gint64 time_ns)
{
  guint64 time = (guint64) MAX (time_ns, 0);

  g_string_append_c (writer->text, '+');
  append_number (time / 1000000000, writer->text);
  append_fraction (time % 1000000000, 9, writer->text);
  g_string_append_len (writer->text, " @", 2);
  append_number (connection->number, writer->text);
  g_string_append_c (writer->text, ' ');
}

static void
end_line (MilterTraceWriter *writer)
{
  g_string_append_c (writer->text, '\n');
}

static void
append_raw (MilterTraceWriter *writer, MilterBytes bytes)
{
  g_string_append (writer->text, "raw ");
  milter_text_append_quoted (bytes, MILTER_TEXT_PLAIN, writer->text);
}

static void
append_frame (MilterTraceWriter *writer, guint8 letter, MilterBytes payload)
{
  /* without a row there is no word: the text of such a message is its frame */
  MilterMessage message = { .letter = letter, .payload = payload, .fault = MILTER_NO_FAULT };

  milter_message_append_text (&message, MILTER_TEXT_PLAIN, writer->text);
}

/* @ending: the word for a close of the MTA */
static void
print_item (MilterTraceWriter *writer, Connection *connection, const char *ending, bool as_word)
{
  const Item *item = connection->current;
  MilterMessage message;

  if (item == NULL || connection->printed)
    return;
  connection->printed = connection->any = true;
  begin_line (writer, connection, item->time_ns);
  if (item->kind == ITEM_RAW)
    append_raw (writer, view (item));
  else if (item->kind == ITEM_RESET)
    g_string_append (writer->text, "reset");
  else if (item->kind == ITEM_CLOSE)
    g_string_append (writer->text, ending);
  else if (as_word && connection->session.plain)
    {
      milter_message_parse (MILTER_SIDE_MTA, item->letter, view (item), &message);
      milter_message_append_text (&message, milter_trace_session_get_flags (&connection->session), writer->text);
    }
  else
    append_frame (writer, item->letter, view (item));
  end_line (writer);
}

/* `quit` is the last that a player sends: it may be the word only if nothing comes behind it */
static bool
is_quit (const Connection *connection)
{
  const Item *item = connection->current;

  return item != NULL && item->kind == ITEM_FRAME && item->letter == MILTER_COMMAND_QUIT;
}

/* the milter has something to say to it */
static void
print_current (MilterTraceWriter *writer, Connection *connection)
{
  print_item (writer, connection, "half-close", !is_quit (connection));
}

static void
begin_expectation (MilterTraceWriter *writer, Connection *connection, gint64 time_ns)
{
  /* nothing has been said: `=>` stands under a line that says nothing */
  if (!connection->any)
    {
      connection->any = true;
      begin_line (writer, connection, time_ns);
      append_raw (writer, milter_bytes (NULL, 0));
      end_line (writer);
    }
  begin_line (writer, connection, time_ns);
  g_string_append (writer->text, "=> ");
}

/* The MTA has gone without the answer: a player would wait, since the milter had begun with it.
 * @time_ns: when it went on */
static void
write_none (MilterTraceWriter *writer, Connection *connection, gint64 time_ns)
{
  begin_expectation (writer, connection, time_ns);
  g_string_append (writer->text, "none");
  end_line (writer);
  connection->begun = false;
}

/* Nothing answers the current command any more: a player that waits for an answer that is due would
 * wait in vain. */
static void
print_unanswered (MilterTraceWriter *writer, Connection *connection)
{
  const Item *next = g_queue_peek_head (&connection->ahead);
  bool is_last = next == NULL || next->kind == ITEM_CLOSE || next->kind == ITEM_RESET;

  if (connection->begun && connection->mta_closed)
    write_none (writer, connection, next != NULL ? next->time_ns : connection->latest_ns);
  print_item (
      writer, connection, "close", !connection->session.due && (is_last || !is_quit (connection)));
}

/* --- in the order in which the milter is asked --------------------------------------------------- */

static void
take_next (Connection *connection)
{
  Item *item = g_queue_pop_head_link (&connection->ahead)->data;

  g_free (connection->current);
  connection->current = item;
  connection->printed = connection->begun = false;
  connection->held -= sizeof *item + item->size;
  if (item->kind == ITEM_FRAME)
    milter_trace_session_ask (&connection->session, item->letter, view (item));
}

/* On to the first command that is still to be answered, or the latest; that one is not printed yet. */
static void
advance (MilterTraceWriter *writer, Connection *connection)
{
  while (!g_queue_is_empty (&connection->ahead))
    {
      if (connection->session.due && !connection->milter_end.set
          && connection->held <= MILTER_TRACE_MAX_HELD)
        return;
      print_unanswered (writer, connection);
      milter_trace_session_give_up (&connection->session);
      take_next (connection);
    }
}

static void
push (Connection *connection, ItemKind kind, guint8 letter, MilterBytes bytes, gint64 time_ns)
{
  Item *item = g_malloc (sizeof *item + bytes.size);

  *item = (Item){
    .link.data = item, .kind = kind, .time_ns = time_ns, .letter = letter, .size = bytes.size
  };
  if (bytes.size > 0)
    memcpy (item->bytes, bytes.data, bytes.size);
  connection->held += sizeof *item + bytes.size;
  g_queue_push_tail_link (&connection->ahead, &item->link);
}

static void
push_bytes (MilterTraceWriter *writer,
            Connection *connection,
            ItemKind kind,
            guint8 letter,
            MilterBytes bytes,
            gint64 time_ns)
{
  push (connection, kind, letter, bytes, time_ns);
  advance (writer, connection);
}

/* --- what the milter says ------------------------------------------------------------------------ */

static void
write_reply (MilterTraceWriter *writer,
             Connection *connection,
             guint8 letter,
             MilterBytes payload,
             gint64 time_ns)
{
  MilterMessage message;

  milter_message_parse (MILTER_SIDE_MILTER, letter, payload, &message);
  print_current (writer, connection);
  begin_expectation (writer, connection, time_ns);
  milter_message_append_text (&message, milter_trace_session_get_flags (&connection->session) | MILTER_TEXT_PATTERN, writer->text);
  end_line (writer);

  connection->begun = connection->session.due && !milter_trace_is_final (&message)
                      && message.spec != NULL;
  if (!connection->session.due || !milter_trace_is_final (&message))
    return;
  milter_trace_session_answer (&connection->session, &message);
  advance (writer, connection);
}

static void
write_raw_reply (MilterTraceWriter *writer, Connection *connection, MilterBytes bytes, gint64 time_ns)
{
  print_current (writer, connection);
  connection->begun = false;
  begin_expectation (writer, connection, time_ns);
  append_raw (writer, bytes);
  end_line (writer);
}

static void
write_end (MilterTraceWriter *writer, Connection *connection)
{
  const End *end = &connection->milter_end;

  begin_expectation (writer, connection, end->time_ns);
  g_string_append (writer->text, end->reset ? "reset" : "closed");
  end_line (writer);
}

/* --- bytes --------------------------------------------------------------------------------------- */

static MilterBytes
skip (MilterBytes bytes, gsize n)
{
  return milter_bytes (bytes.data + n, bytes.size - n);
}

static void
take_raw (MilterTraceWriter *writer,
          Connection *connection,
          MilterSide from,
          MilterBytes bytes,
          gint64 time_ns)
{
  while (bytes.size > 0)
    {
      MilterBytes piece = milter_bytes (bytes.data, MIN (bytes.size, MAX_RAW));

      if (from == MILTER_SIDE_MTA)
        push_bytes (writer, connection, ITEM_RAW, /* letter= */ 0, piece, time_ns);
      else
        write_raw_reply (writer, connection, piece, time_ns);
      bytes = skip (bytes, piece.size);
    }
}

/* what can be no frame, or is none as long as nothing follows */
static void
take_rest (MilterTraceWriter *writer, Connection *connection, MilterSide side, gint64 time_ns)
{
  g_autoptr (GByteArray) rest = milter_frame_stream_take_rest (&connection->said[side]);

  take_raw (writer, connection, side, milter_bytes (rest->data, rest->len), time_ns);
}

static void
take_bytes (MilterTraceWriter *writer,
            Connection *connection,
            MilterSide from,
            MilterBytes bytes,
            gint64 time_ns)
{
  MilterFrameStream *said = &connection->said[from];
  guint8 letter;
  MilterBytes payload;

  milter_frame_stream_feed (said, bytes);
  while (milter_frame_stream_next (said, &letter, &payload))
    if (from == MILTER_SIDE_MTA)
      push_bytes (writer, connection, ITEM_FRAME, letter, payload, time_ns);
    else
      write_reply (writer, connection, letter, payload, time_ns);
  if (said->broken)
    take_rest (writer, connection, from, time_ns);
}

/* Something has happened to it: the lines that are held back are not what they were. */
static void
note_held (MilterTraceWriter *writer, Connection *connection)
{
  bool holds = (connection->current != NULL && !connection->printed)
               || !g_queue_is_empty (&connection->ahead) || connection->milter_end.set;

  if (connection->held_lines != NULL)
    g_string_truncate (connection->held_lines, 0);
  if (holds == connection->holds)
    return;
  connection->holds = holds;
  if (holds)
    g_queue_push_tail_link (&writer->holding, &connection->holding);
  else
    g_queue_unlink (&writer->holding, &connection->holding);
}

static Connection *
find_connection (MilterTraceWriter *writer, guint number)
{
  if (writer->latest == NULL || writer->latest->number != number)
    writer->latest = g_hash_table_lookup (writer->connections, GUINT_TO_POINTER (number));
  return writer->latest;
}

void
milter_trace_writer_passed (MilterTraceWriter *writer,
                            guint number,
                            MilterSide from,
                            MilterBytes bytes,
                            gint64 time_ns)
{
  Connection *connection = find_connection (writer, number);

  /* behind a reset there may be more, which nobody has read; behind an end there is nothing */
  if (connection == NULL
      || (from == MILTER_SIDE_MTA ? connection->mta_closed : connection->milter_end.set))
    return;
  connection->latest_ns = time_ns;
  take_bytes (writer, connection, from, bytes, time_ns);
  note_held (writer, connection);
}

/* --- connections --------------------------------------------------------------------------------- */

static void
append_address (const char *key, const char *address, GString *text)
{
  if (address == NULL)
    return;
  g_string_append_printf (text, " %s=", key);
  milter_text_append_word (milter_bytes_from_string (address), MILTER_TEXT_PLAIN, text);
}

void
milter_trace_writer_opened (MilterTraceWriter *writer,
                            guint number,
                            const char *from,
                            const char *to,
                            gint64 time_ns)
{
  Connection *connection = g_new0 (Connection, 1);

  connection->number = number;
  connection->holding.data = connection;
  connection->latest_ns = time_ns;
  for (MilterSide side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    milter_frame_stream_init (&connection->said[side], side);
  g_queue_init (&connection->ahead);
  milter_trace_session_init (&connection->session);
  writer->latest = NULL;
  g_hash_table_replace (writer->connections, GUINT_TO_POINTER (number), connection);
  begin_line (writer, connection, time_ns);
  g_string_append (writer->text, "session");
  append_address ("from", from, writer->text);
  append_address ("to", to, writer->text);
  end_line (writer);
}

/* on to the latest command, which is not printed yet */
static void
advance_to_last (MilterTraceWriter *writer, Connection *connection)
{
  while (!g_queue_is_empty (&connection->ahead))
    {
      print_unanswered (writer, connection);
      milter_trace_session_give_up (&connection->session);
      advance (writer, connection);
    }
}

/* Nothing more comes: all that is held back is written. */
static void
finish_connection (MilterTraceWriter *writer, Connection *connection)
{
  const End *end = &connection->milter_end;

  advance_to_last (writer, connection);
  if (end->set && !connection->mta_closed)
    {
      /* the end is what came instead of an answer */
      print_item (writer, connection, /* ending= */ NULL, /* as_word= */ true);
      write_end (writer, connection);
    }
  else if (end->set && connection->printed)
    write_end (writer, connection);
  else
    print_unanswered (writer, connection);
}

static void
remove_connection (MilterTraceWriter *writer, Connection *connection)
{
  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    take_rest (writer, connection, side, connection->latest_ns);
  finish_connection (writer, connection);
  writer->latest = NULL;
  if (connection->holds)
    g_queue_unlink (&writer->holding, &connection->holding);
  g_hash_table_remove (writer->connections, GUINT_TO_POINTER (connection->number));
}

void
milter_trace_writer_lost (MilterTraceWriter *writer,
                          guint number,
                          guint64 size,
                          const char *comment,
                          gint64 time_ns)
{
  Connection *connection = find_connection (writer, number);

  if (connection == NULL)
    return;
  connection->latest_ns = time_ns;
  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    take_rest (writer, connection, side, time_ns);
  advance_to_last (writer, connection);
  print_unanswered (writer, connection);
  g_clear_pointer (&connection->current, g_free);
  milter_trace_session_lose (&connection->session);

  connection->any = true;
  begin_line (writer, connection, time_ns);
  g_string_append (writer->text, "lost");
  if (size > 0)
    g_string_append_printf (writer->text, " %" G_GUINT64_FORMAT, size);
  if (comment != NULL)
    g_string_append_printf (writer->text, "  # %s", comment);
  end_line (writer);
  note_held (writer, connection);
}

void
milter_trace_writer_closed (MilterTraceWriter *writer,
                            guint number,
                            MilterSide by,
                            gboolean reset,
                            gint64 time_ns)
{
  Connection *connection = find_connection (writer, number);
  End *end;
  bool first;

  if (connection == NULL)
    return;
  end = &connection->milter_end;
  first = by == MILTER_SIDE_MTA ? !connection->mta_closed && !end->set : !end->set;
  take_rest (writer, connection, by, time_ns);
  if (first && by == MILTER_SIDE_MTA)
    {
      connection->mta_closed = true;
      push (connection, reset ? ITEM_RESET : ITEM_CLOSE, /* letter= */ 0, milter_bytes (NULL, 0), time_ns);
    }
  else if (first)
    *end = (End){ true, reset, time_ns };
  advance (writer, connection);
  note_held (writer, connection);
  /* both have closed, the second one of them now, or nobody reads any more */
  if (reset || (end->set && (connection->mta_closed || by == MILTER_SIDE_MTA)))
    remove_connection (writer, connection);
}

/* --- what is held back ---------------------------------------------------------------------------- */

/* The lines that finish_connection() would write; the connection stays as it is. */
static void
append_held_lines (MilterTraceWriter *writer, Connection *connection)
{
  Item *current = connection->current;
  bool printed = connection->printed, begun = connection->begun, any = connection->any;

  if (g_queue_is_empty (&connection->ahead))
    finish_connection (writer, connection);
  else
    print_unanswered (writer, connection);
  /* which words these will be depends on the answers to those before them */
  for (GList *i = connection->ahead.head; i != NULL; i = i->next)
    {
      connection->current = i->data;
      connection->printed = false;
      print_item (writer, connection, "close", /* as_word= */ false);
    }
  connection->current = current;
  connection->printed = printed;
  connection->begun = begun;
  connection->any = any;
}

static void
make_held_lines (MilterTraceWriter *writer, Connection *connection)
{
  GString *text = writer->text;

  if (connection->held_lines == NULL)
    connection->held_lines = g_string_new (NULL);
  writer->text = connection->held_lines;
  append_held_lines (writer, connection);
  writer->text = text;
}

void
milter_trace_writer_append_held (MilterTraceWriter *writer, GString *text)
{
  for (GList *i = writer->holding.head; i != NULL; i = i->next)
    {
      Connection *connection = i->data;

      if (connection->held_lines == NULL || connection->held_lines->len == 0)
        make_held_lines (writer, connection);
      g_string_append_len (
          text, connection->held_lines->str, (gssize) connection->held_lines->len);
    }
}

/* --- the writer ---------------------------------------------------------------------------------- */

static void
append_heading (gint64 start_us, GString *text)
{
  g_autoptr (GDateTime) seconds = g_date_time_new_from_unix_utc (start_us / G_USEC_PER_SEC);
  g_autofree char *date = g_date_time_format (seconds, "%Y-%m-%dT%H:%M:%S");

  g_string_append_printf (text, "start %s", date);
  append_fraction ((guint64) (start_us % G_USEC_PER_SEC), 6, text);
  g_string_append (text, "Z\nmta exact\n");
}

MilterTraceWriter *
milter_trace_writer_new (gint64 start_us, GString *text)
{
  MilterTraceWriter *writer = g_new0 (MilterTraceWriter, 1);

  writer->text = text;
  g_queue_init (&writer->holding);
  writer->connections
      = g_hash_table_new_full (/* hash= */ NULL, /* equal= */ NULL, NULL, connection_free);
  append_heading (MAX (start_us, 0), text);
  return writer;
}

void
milter_trace_writer_free (MilterTraceWriter *writer)
{
  if (writer == NULL)
    return;
  g_hash_table_unref (writer->connections);
  g_free (writer);
}

static int
compare_numbers (gconstpointer a, gconstpointer b)
{
  guint left = ((const Connection *) a)->number, right = ((const Connection *) b)->number;

  return left < right ? -1 : left > right;
}

void
milter_trace_writer_finish (MilterTraceWriter *writer)
{
  GList *open = g_list_sort (g_hash_table_get_values (writer->connections), compare_numbers);

  for (GList *i = open; i != NULL; i = i->next)
    remove_connection (writer, i->data);
  g_list_free (open);
}
