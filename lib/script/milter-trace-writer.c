/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-trace-writer.c: what passed, as lines that a player turns into the same bytes again.
 *
 * A player sends a command, waits for its answer, and leaves out what no longer applies: what belongs
 * to a message that is decided, what the milter did not want. So the writer walks along as the player
 * will: command by command, each with its answers, whatever the MTA sent ahead. A command that the
 * player would leave out, or whose answer it would wait for in vain, is written as `frame`, which is
 * always sent.
 */
#include "milter-trace-writer.h"

#include <stdbool.h>
#include <string.h>

#include "milter-session.h"
#include "milter-text.h"

/* `raw` lines are cut, so that none gets too long for a reader */
#define MAX_RAW ((gsize) 64 << 10)
/* what a command that is held back costs besides its bytes */
#define HELD_COST sizeof (Item)

static const MilterLimits limits[] = {
  [MILTER_SIDE_MTA] = { MILTER_LIMIT_FROM_MTA },
  [MILTER_SIDE_MILTER] = { MILTER_LIMIT_FROM_MILTER },
};

typedef enum
{
  ITEM_FRAME,
  ITEM_RAW,
  ITEM_CLOSE, /* of the MTA */
  ITEM_RESET
} ItemKind;

/* something that the MTA did */
typedef struct
{
  ItemKind kind;
  gint64 time_ns;
  guint8 letter;   /* FRAME */
  GByteArray *bytes; /* FRAME: the payload; RAW */
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
  GByteArray *partial[2]; /* by side (nullable): the beginning of a frame */
  bool broken[2];         /* … bytes that are no frame came: all that follows is raw */

  GQueue ahead;           /* of Item: in order, behind the current one */
  gsize held;             /* what they cost */
  Item *current;          /* (nullable) the latest that the milter has been asked */
  bool printed;           /* … its line is there */
  bool plain;             /* … its word may stand there */
  bool due;               /* … it is still to be answered */
  bool any;               /* there is a line that `=>` can stand under */
  bool mta_closed;
  End milter_end;

  /* The session as the milter sees it, which drops what does not fit as libmilter does; and what the
   * player will leave out. */
  MilterSession session;
  bool negotiated;
  bool derailed;          /* who saw what of the negotiation is not sure: no words from here on */
  bool client_over, message_over;
  guint8 skipped;         /* 0, or no more of this command until there was another */
  guint n_recipients, n_accepted;
} Connection;

struct _MilterTraceWriter
{
  GString *text; /* unowned */
  GHashTable *connections; /* of Connection, by number */
  Connection *latest;      /* unowned (nullable): most events are of the same one */
};

static void
item_free (gpointer data)
{
  Item *item = data;

  if (item == NULL)
    return;
  g_clear_pointer (&item->bytes, g_byte_array_unref);
  g_free (item);
}

static void
connection_free (gpointer data)
{
  Connection *connection = data;

  for (int side = 0; side < 2; side++)
    g_clear_pointer (&connection->partial[side], g_byte_array_unref);
  g_queue_clear_full (&connection->ahead, item_free);
  item_free (connection->current);
  milter_session_clear (&connection->session);
  g_free (connection);
}

/* --- lines ------------------------------------------------------------------------------------- */

/* digits behind the point, without zeros at the end */
static void
append_fraction (guint64 fraction, guint digits, GString *text)
{
  if (fraction == 0)
    return;
  while (fraction % 10 == 0)
    {
      fraction /= 10;
      digits--;
    }
  g_string_append_printf (text, ".%0*" G_GUINT64_FORMAT, (int) digits, fraction);
}

static void
begin_line (MilterTraceWriter *writer, const Connection *connection, gint64 time_ns)
{
  guint64 time = (guint64) MAX (time_ns, 0);

  g_string_append_printf (writer->text, "+%" G_GUINT64_FORMAT, time / 1000000000);
  append_fraction (time % 1000000000, 9, writer->text);
  g_string_append_printf (writer->text, " @%u ", connection->number);
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

static MilterTextFlags
flags_of (const Connection *connection)
{
  return connection->session.agreed.steps & MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE
             ? MILTER_TEXT_LEADING_SPACE
             : MILTER_TEXT_PLAIN;
}

static MilterBytes
view (const GByteArray *bytes)
{
  return milter_bytes (bytes->data, bytes->len);
}

static void
append_frame (MilterTraceWriter *writer, guint8 letter, MilterBytes payload)
{
  /* without a row there is no word: the text of such a message is its frame */
  MilterMessage message = { .letter = letter, .payload = payload, .fault = MILTER_NO_FAULT };

  milter_message_append_text (&message, MILTER_TEXT_PLAIN, writer->text);
}

/* what something may be said of under which `=>` stands */
static void
print_item (MilterTraceWriter *writer, Connection *connection, const char *ending, bool as_word)
{
  const Item *item = connection->current;
  MilterMessage message;

  if (connection->printed)
    return;
  connection->printed = connection->any = true;
  begin_line (writer, connection, item->time_ns);
  if (item->kind == ITEM_RAW)
    append_raw (writer, view (item->bytes));
  else if (item->kind != ITEM_FRAME)
    g_string_append (writer->text, item->kind == ITEM_RESET ? "reset" : ending);
  else if (as_word && connection->plain)
    {
      milter_message_parse (MILTER_SIDE_MTA, item->letter, view (item->bytes), &message);
      milter_message_append_text (&message, flags_of (connection), writer->text);
    }
  else
    append_frame (writer, item->letter, view (item->bytes));
  end_line (writer);
}

static bool
is_quit (const Item *item)
{
  return item->kind == ITEM_FRAME && item->letter == MILTER_COMMAND_QUIT;
}

/* `quit` is the last that a player sends, so that it may be the word only if nothing comes behind */
static void
print_current (MilterTraceWriter *writer, Connection *connection)
{
  const Item *item = connection->current;

  if (item == NULL)
    return;
  print_item (writer, connection, "half-close", !is_quit (item));
}

/* nothing answers the current command: a player that waits would wait in vain */
static void
print_unanswered (MilterTraceWriter *writer, Connection *connection)
{
  const Item *next = g_queue_peek_head (&connection->ahead);
  bool is_last = next == NULL || next->kind == ITEM_CLOSE || next->kind == ITEM_RESET;

  if (connection->current == NULL)
    return;
  print_item (writer,
              connection,
              "close",
              !connection->due && (is_last || !is_quit (connection->current)));
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

/* --- what a player would leave out -------------------------------------------------------------- */

/* A message that is over ends where the next one begins; these begin one, or end the old one. */
#define ENDS_MESSAGE "MHAK"

static bool
is_one_of (guint8 letter, const char *letters)
{
  return letter != 0 && strchr (letters, letter) != NULL;
}

static bool
is_left_out (const Connection *connection, guint8 letter)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, letter);

  if (spec == NULL || is_one_of (letter, "OAQK"))
    return false;
  if (connection->client_over || connection->skipped == letter)
    return true;
  if (!spec->in_message || letter == MILTER_COMMAND_ENVELOPE_FROM)
    return false;
  return connection->message_over
         || (letter != MILTER_COMMAND_ENVELOPE_RECIPIENT && connection->n_recipients > 0
             && connection->n_accepted == 0);
}

static void
forget_message (Connection *connection)
{
  connection->message_over = false;
  connection->n_recipients = connection->n_accepted = 0;
}

static void
note_command (Connection *connection, guint8 letter)
{
  if (is_one_of (letter, ENDS_MESSAGE))
    forget_message (connection);
  if (letter == MILTER_COMMAND_QUIT_NC)
    connection->client_over = false;
  if (letter == MILTER_COMMAND_ENVELOPE_RECIPIENT)
    connection->n_recipients++;
  if (letter != connection->skipped && !is_one_of (letter, "DAQ"))
    connection->skipped = 0;
}

/* both MTAs hang up on their client with it (milter-protocol 3.7) */
static bool
hangs_up (guint8 reply, MilterBytes payload)
{
  return is_one_of (reply, "4f")
         || (reply == MILTER_REPLY_REPLY_CODE && payload.size >= 3
             && memcmp (payload.data, "421", 3) == 0);
}

/* the final answer to a command */
static void
note_answer (Connection *connection, guint8 command, guint8 reply, MilterBytes payload)
{
  bool goes_on = is_one_of (reply, "cs");

  if (command == MILTER_COMMAND_NEGOTIATE)
    connection->negotiated = true;
  if (reply == MILTER_REPLY_SKIP)
    connection->skipped = command;
  if (command == MILTER_COMMAND_ENVELOPE_RECIPIENT && goes_on)
    connection->n_accepted++;
  if (hangs_up (reply, payload) || (is_one_of (command, "CH") && !goes_on))
    connection->client_over = true;
  else if (command == MILTER_COMMAND_END_OF_MESSAGE)
    forget_message (connection);
  else if (!goes_on && is_one_of (command, "MRTLNB")
           && (command != MILTER_COMMAND_ENVELOPE_RECIPIENT || !is_one_of (reply, "rty")))
    connection->message_over = true;
}

/* --- in the order in which the milter is asked --------------------------------------------------- */

/* the stage's command decides about a macro frame */
static guint8
letter_that_counts (const Item *item)
{
  return item->letter == MILTER_COMMAND_DEFINE_MACRO && item->bytes->len > 0 ? item->bytes->data[0]
                                                                             : item->letter;
}

static void
ask (Connection *connection, const Item *item)
{
  bool left_out = is_left_out (connection, letter_that_counts (item));
  MilterMessage message;
  bool legal;

  milter_message_parse (MILTER_SIDE_MTA, item->letter, view (item->bytes), &message);
  legal = milter_session_command (&connection->session, &message, /* error= */ NULL);
  if (!legal && (!connection->negotiated || item->letter == MILTER_COMMAND_NEGOTIATE))
    connection->derailed = true;
  connection->plain = legal && !left_out && !connection->derailed;
  connection->due = milter_session_due (&connection->session) != 0;
  note_command (connection, item->letter);
}

static void
take_next (Connection *connection)
{
  Item *item = g_queue_pop_head (&connection->ahead);

  item_free (connection->current);
  connection->current = item;
  connection->printed = false;
  connection->plain = true;
  connection->due = false;
  connection->held -= HELD_COST + (item->bytes != NULL ? item->bytes->len : 0);
  if (item->kind == ITEM_FRAME)
    ask (connection, item);
}

/* as if it had been let pass, which is what an MTA does that goes on */
static void
give_up_waiting (Connection *connection)
{
  MilterMessage message;

  milter_message_init (&message, MILTER_SIDE_MILTER, MILTER_REPLY_CONTINUE);
  milter_session_reply (&connection->session, &message, /* error= */ NULL);
  connection->due = false;
}

/* on to the first command that is not answered yet; the latest one is not written yet */
static void
advance (MilterTraceWriter *writer, Connection *connection)
{
  while (!g_queue_is_empty (&connection->ahead))
    {
      if (connection->due && !connection->milter_end.set
          && connection->held <= MILTER_TRACE_MAX_HELD)
        return;
      if (connection->due)
        {
          print_unanswered (writer, connection);
          give_up_waiting (connection);
        }
      else if (connection->current != NULL)
        {
          const Item *next = g_queue_peek_head (&connection->ahead);

          if (next->kind == ITEM_CLOSE || next->kind == ITEM_RESET)
            print_unanswered (writer, connection);
          else
            print_current (writer, connection);
        }
      take_next (connection);
    }
}

static Item *
push (MilterTraceWriter *writer, Connection *connection, ItemKind kind, gint64 time_ns)
{
  Item *item = g_new0 (Item, 1);

  item->kind = kind;
  item->time_ns = time_ns;
  connection->held += HELD_COST;
  g_queue_push_tail (&connection->ahead, item);
  return item;
}

static void
push_bytes (MilterTraceWriter *writer,
            Connection *connection,
            ItemKind kind,
            guint8 letter,
            MilterBytes bytes,
            gint64 time_ns)
{
  Item *item = push (writer, connection, kind, time_ns);

  item->letter = letter;
  item->bytes = g_byte_array_sized_new ((guint) bytes.size);
  if (bytes.size > 0)
    g_byte_array_append (item->bytes, bytes.data, (guint) bytes.size);
  connection->held += bytes.size;
  advance (writer, connection);
}

/* --- what the milter says ------------------------------------------------------------------------ */

static bool
is_final (const MilterSpec *spec)
{
  return spec == NULL
         || (spec->kind != MILTER_REPLY_KIND_EDIT && spec->kind != MILTER_REPLY_KIND_PROGRESS);
}

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
  milter_message_append_text (&message, flags_of (connection) | MILTER_TEXT_PATTERN, writer->text);
  end_line (writer);

  if (!connection->due || !is_final (message.spec))
    return;
  note_answer (connection, connection->current->letter, letter, payload);
  milter_session_reply (&connection->session, &message, /* error= */ NULL);
  connection->due = false;
  advance (writer, connection);
}

static void
write_raw_reply (MilterTraceWriter *writer, Connection *connection, MilterBytes bytes, gint64 time_ns)
{
  print_current (writer, connection);
  begin_expectation (writer, connection, time_ns);
  append_raw (writer, bytes);
  end_line (writer);
}

/* --- bytes --------------------------------------------------------------------------------------- */

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
      bytes = milter_bytes (bytes.data + piece.size, bytes.size - piece.size);
    }
}

/* whole frames at the beginning; returns what is left */
static MilterBytes
take_frames (MilterTraceWriter *writer,
             Connection *connection,
             MilterSide from,
             MilterBytes bytes,
             gint64 time_ns)
{
  guint8 letter;
  MilterBytes payload;
  gsize consumed;

  while (!connection->broken[from])
    {
      MilterDecodeStatus status = milter_frame_decode (
          bytes.data, bytes.size, &limits[from], &letter, &payload, &consumed, /* error= */ NULL);

      if (status == MILTER_DECODE_NEED_MORE)
        return bytes;
      connection->broken[from] = status == MILTER_DECODE_ERROR;
      if (connection->broken[from])
        break;
      if (from == MILTER_SIDE_MTA)
        push_bytes (writer, connection, ITEM_FRAME, letter, payload, time_ns);
      else
        write_reply (writer, connection, letter, payload, time_ns);
      bytes = milter_bytes (bytes.data + consumed, bytes.size - consumed);
    }
  take_raw (writer, connection, from, bytes, time_ns);
  return milter_bytes (NULL, 0);
}

static Connection *
find_connection (MilterTraceWriter *writer, guint number)
{
  if (writer->latest == NULL || writer->latest->number != number)
    writer->latest = g_hash_table_lookup (writer->connections, GUINT_TO_POINTER (number));
  return writer->latest;
}

/* the size of the frame that begins with these bytes, as far as it is known */
static gsize
missing_size (const GByteArray *partial)
{
  guint32 length;

  if (partial->len < sizeof length)
    return sizeof length - partial->len;
  memcpy (&length, partial->data, sizeof length);
  return sizeof length + GUINT32_FROM_BE (length) - partial->len;
}

/* Completes the frame whose beginning came before; returns what is behind it. */
static MilterBytes
complete_partial (MilterTraceWriter *writer,
                  Connection *connection,
                  MilterSide from,
                  MilterBytes bytes,
                  gint64 time_ns)
{
  GByteArray *partial = connection->partial[from];

  while (partial != NULL && partial->len > 0 && bytes.size > 0)
    {
      gsize n = MIN (missing_size (partial), bytes.size);
      MilterBytes rest;

      g_byte_array_append (partial, bytes.data, (guint) n);
      bytes = milter_bytes (bytes.data + n, bytes.size - n);
      rest = take_frames (writer, connection, from, view (partial), time_ns);
      if (rest.size == 0)
        g_byte_array_set_size (partial, 0);
    }
  return bytes;
}

void
milter_trace_writer_passed (MilterTraceWriter *writer,
                            guint number,
                            MilterSide from,
                            MilterBytes bytes,
                            gint64 time_ns)
{
  Connection *connection = find_connection (writer, number);

  g_return_if_fail (connection != NULL);
  bytes = complete_partial (writer, connection, from, bytes, time_ns);
  bytes = take_frames (writer, connection, from, bytes, time_ns);
  if (bytes.size == 0)
    return;
  if (connection->partial[from] == NULL)
    connection->partial[from] = g_byte_array_new ();
  g_byte_array_append (connection->partial[from], bytes.data, (guint) bytes.size);
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
  g_queue_init (&connection->ahead);
  milter_session_init (&connection->session, MILTER_SESSION_LENIENT);
  writer->latest = NULL;
  g_hash_table_replace (writer->connections, GUINT_TO_POINTER (number), connection);
  begin_line (writer, connection, time_ns);
  g_string_append (writer->text, "session");
  append_address ("from", from, writer->text);
  append_address ("to", to, writer->text);
  end_line (writer);
}

static void
take_partial (MilterTraceWriter *writer, Connection *connection, MilterSide side, gint64 time_ns)
{
  g_autoptr (GByteArray) partial = g_steal_pointer (&connection->partial[side]);

  if (partial != NULL)
    take_raw (writer, connection, side, view (partial), time_ns);
}

/* Nothing more comes: all that is held back is written. */
static void
finish_connection (MilterTraceWriter *writer, Connection *connection)
{
  const End *end = &connection->milter_end;

  while (connection->due && !g_queue_is_empty (&connection->ahead))
    {
      print_unanswered (writer, connection);
      give_up_waiting (connection);
      advance (writer, connection);
    }
  if (!end->set)
    {
      print_unanswered (writer, connection);
      return;
    }
  /* the end is what the player waits for here */
  if (connection->current != NULL && !connection->printed
      && connection->current->kind == ITEM_FRAME)
    print_item (writer, connection, /* ending= */ NULL, /* as_word= */ true);
  else
    print_unanswered (writer, connection);
  /* whoever closed first has ended it, unless the other one had something to say behind that */
  if (connection->mta_closed && writer->text->len > 0 && !connection->any)
    return;
  begin_expectation (writer, connection, end->time_ns);
  g_string_append (writer->text, end->reset ? "reset" : "closed");
  end_line (writer);
}

void
milter_trace_writer_closed (MilterTraceWriter *writer,
                            guint number,
                            MilterSide by,
                            gboolean reset,
                            gint64 time_ns)
{
}
