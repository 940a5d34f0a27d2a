/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer.c: the events of a recording, and the fields of its frames.
 */
#include "milter-anonymizer.h"

#include <string.h>

#include "milter-anonymizer-address.h"
#include "milter-anonymizer-body.h"
#include "milter-anonymizer-text.h"

#define HEADER_SIZE 4u
#define N_SIDES     2u

/* the message that a side has told of: the MTA sends one, the milter may replace its body */
typedef struct
{
  GString *type, *encoding;   /* of its Content-Type and Content-Transfer-Encoding */
  MilterAnonymizerBody *body; /* (nullable) until it begins */
} Content;

typedef struct
{
  Content contents[N_SIDES];
  bool closed[N_SIDES];
} Connection;

struct _MilterAnonymizer
{
  MilterPseudonyms pseudonyms;
  const MilterCaptureSink *sink; /* unowned */
  gpointer data;                 /* unowned */
  GHashTable *connections; /* number to Connection; those of which something has to be known */
  GByteArray *bytes;       /* the frame that is being changed */
};

/* --- connections ---------------------------------------------------------------------------------
 */

static void
end_message (Connection *connection)
{
  for (guint side = 0; side < N_SIDES; side++)
    {
      Content *content = &connection->contents[side];

      g_string_truncate (content->type, 0);
      g_string_truncate (content->encoding, 0);
      g_clear_pointer (&content->body, milter_anonymizer_body_free);
    }
}

static void
connection_free (gpointer data)
{
  Connection *connection = data;

  end_message (connection);
  for (guint side = 0; side < N_SIDES; side++)
    {
      g_string_free (connection->contents[side].type, TRUE);
      g_string_free (connection->contents[side].encoding, TRUE);
    }
  g_free (connection);
}

static Connection *
find_connection (MilterAnonymizer *anonymizer, guint number)
{
  return g_hash_table_lookup (anonymizer->connections, GUINT_TO_POINTER (number));
}

static Connection *
get_connection (MilterAnonymizer *anonymizer, guint number)
{
  Connection *connection = find_connection (anonymizer, number);

  if (connection != NULL)
    return connection;
  connection = g_new0 (Connection, 1);
  for (guint side = 0; side < N_SIDES; side++)
    {
      connection->contents[side].type = g_string_new (NULL);
      connection->contents[side].encoding = g_string_new (NULL);
    }
  g_hash_table_insert (anonymizer->connections, GUINT_TO_POINTER (number), connection);
  return connection;
}

static MilterBytes
string_bytes (const GString *string)
{
  return milter_bytes (string->str, string->len);
}

/* what is missing may have been a header field, a boundary, or a part of a group of base64: the
 * rest is text, of which all is replaced */
static void
lose_step (MilterAnonymizer *anonymizer, const MilterCapturePlace *place)
{
  Connection *connection = find_connection (anonymizer, place->connection);
  MilterAnonymizerBody *body = connection == NULL ? NULL : connection->contents[place->from].body;

  if (body != NULL)
    milter_anonymizer_body_begin (body, milter_bytes (NULL, 0), milter_bytes (NULL, 0));
}

/* --- header fields and bodies --------------------------------------------------------------------
 */

static void
set_value (Content *content, MilterBytes name, MilterBytes value)
{
  GString *kept = milter_anonymizer_is_type (name)       ? content->type
                  : milter_anonymizer_is_encoding (name) ? content->encoding
                                                         : NULL;

  if (kept == NULL)
    return;
  g_string_truncate (kept, 0);
  g_string_append_len (
      kept, (const char *) value.data, (gssize) MIN (value.size, MILTER_ANONYMIZER_MAX_TYPE));
}

/* a field of the message; one that the milter changes counts for the body that it sends */
static void
note_header (MilterAnonymizer *anonymizer,
             const MilterCapturePlace *place,
             MilterBytes name,
             MilterBytes value)
{
  Connection *connection;

  if (!milter_anonymizer_is_type (name) && !milter_anonymizer_is_encoding (name))
    return;
  connection = get_connection (anonymizer, place->connection);
  set_value (&connection->contents[MILTER_SIDE_MILTER], name, value);
  if (place->from == MILTER_SIDE_MTA)
    set_value (&connection->contents[MILTER_SIDE_MTA], name, value);
}

static void
replace_body (MilterAnonymizer *anonymizer,
              const MilterCapturePlace *place,
              guint8 *bytes,
              gsize size)
{
  Content *content = &get_connection (anonymizer, place->connection)->contents[place->from];

  if (size == 0)
    return;
  if (content->body == NULL)
    {
      content->body = milter_anonymizer_body_new (&anonymizer->pseudonyms);
      milter_anonymizer_body_begin (
          content->body, string_bytes (content->type), string_bytes (content->encoding));
    }
  milter_anonymizer_body_replace (content->body, bytes, size);
}

/* --- fields of frames ----------------------------------------------------------------------------
 */

/**
 * Row: how the fields of a frame are read
 * @first: the context of a string
 * @others: of the strings behind it
 * @is_header: the strings are a name and a value
 * @is_body: the bytes are of a message's body
 * @ends_message: nothing of a message before counts any more
 */
typedef struct
{
  guint8 letter;
  MilterContextId first, others;
  bool is_header, is_body, ends_message;
} Row;

/* clang-format off */
#define A_ MILTER_CONTEXT_ADDRESS
#define P_ MILTER_CONTEXT_PARAMETER
#define T_ MILTER_CONTEXT_TEXT

static const Row rows[N_SIDES][16] = {
  [MILTER_SIDE_MTA] = {
    { MILTER_COMMAND_NEGOTIATE,     T_, T_, .ends_message = true },
    { MILTER_COMMAND_CONNECT,       A_, A_, .ends_message = true },
    { MILTER_COMMAND_HELO,          A_, A_ },
    { MILTER_COMMAND_ENVELOPE_FROM, A_, P_, .ends_message = true },
    { MILTER_COMMAND_ENVELOPE_RECIPIENT, A_, P_ },
    { MILTER_COMMAND_HEADER,        T_, T_, .is_header = true },
    { MILTER_COMMAND_BODY,          T_, T_, .is_body = true },
    { MILTER_COMMAND_END_OF_MESSAGE, T_, T_, .is_body = true },
    { MILTER_COMMAND_ABORT,         T_, T_, .ends_message = true },
    { MILTER_COMMAND_UNKNOWN,       MILTER_CONTEXT_COMMAND, T_ },
  },
  [MILTER_SIDE_MILTER] = {
    { MILTER_REPLY_ADD_HEADER,      T_, T_, .is_header = true },
    { MILTER_REPLY_INSERT_HEADER,   T_, T_, .is_header = true },
    { MILTER_REPLY_CHANGE_HEADER,   T_, T_, .is_header = true },
    { MILTER_REPLY_REPLACE_BODY,    T_, T_, .is_body = true },
    { MILTER_REPLY_ADD_RECIPIENT,   A_, P_ },
    { MILTER_REPLY_ADD_RECIPIENT_WITH_PARAMETERS, A_, P_ },
    { MILTER_REPLY_DELETE_RECIPIENT, A_, P_ },
    { MILTER_REPLY_CHANGE_FROM,     A_, P_ },
    { MILTER_REPLY_REPLY_CODE,      MILTER_CONTEXT_REPLY, T_ },
    { MILTER_REPLY_QUARANTINE,      MILTER_CONTEXT_REPLY, T_ },
  },
};
/* clang-format on */

static const Row *
find_row (MilterSide side, guint8 letter)
{
  static const Row other = { 0 };

  for (const Row *row = rows[side]; row->letter != 0; row++)
    if (row->letter == letter)
      return row;
  return &other;
}

/* a view of the frame that is being changed, as bytes that may be changed */
static guint8 *
writable (MilterAnonymizer *anonymizer, MilterBytes view)
{
  return anonymizer->bytes->data + (view.data - anonymizer->bytes->data);
}

static void
replace_text (MilterAnonymizer *anonymizer, MilterContextId context, MilterBytes text)
{
  if (text.size > 0)
    milter_pseudonyms_text (
        &anonymizer->pseudonyms, context, writable (anonymizer, text), text.size);
}

static void
replace_header (MilterAnonymizer *anonymizer,
                const MilterCapturePlace *place,
                MilterBytes name,
                MilterBytes value)
{
  MilterContextId context = milter_known_words_header (&anonymizer->pseudonyms.known, name);

  note_header (anonymizer, place, name, value);
  milter_pseudonyms_header_name (&anonymizer->pseudonyms, writable (anonymizer, name), name.size);
  replace_text (anonymizer, context, value);
}

/* a macro that is not known may be named after whom it belongs to */
static void
replace_macro_name (MilterAnonymizer *anonymizer, MilterBytes name)
{
  if (!milter_known_words_is_macro (&anonymizer->pseudonyms.known, name))
    replace_text (anonymizer, MILTER_CONTEXT_TEXT, name);
}

static void
replace_pairs (MilterAnonymizer *anonymizer, MilterBytes pairs)
{
  MilterBytes name, value;

  while (milter_strings_next (&pairs, &name))
    {
      MilterContextId context = milter_known_words_macro (&anonymizer->pseudonyms.known, name);

      replace_macro_name (anonymizer, name);
      if (milter_strings_next (&pairs, &value))
        replace_text (anonymizer, context, value);
    }
}

static void
replace_names (MilterAnonymizer *anonymizer, MilterBytes names)
{
  gsize start = 0;

  for (gsize i = 0; i <= names.size; i++)
    if (i == names.size || names.data[i] == ' ' || names.data[i] == ',')
      {
        replace_macro_name (anonymizer, milter_bytes (names.data + start, i - start));
        start = i + 1;
      }
}

static void
replace_symbol_lists (MilterAnonymizer *anonymizer, MilterBytes lists)
{
  MilterBytes names;
  guint32 stage;

  while (milter_symbol_lists_next (&lists, &stage, &names))
    replace_names (anonymizer, names);
}

static void
replace_address (MilterAnonymizer *anonymizer, const MilterAddress *address)
{
  guint8 *text;
  guint port;

  if (address->text.data == NULL)
    return;
  replace_text (anonymizer, MILTER_CONTEXT_ADDRESS, address->text);
  if (address->family != '4' && address->family != '6')
    return;
  /* it stands before the text, the higher byte first */
  text = writable (anonymizer, address->text);
  port = milter_anonymizer_replace_port (&anonymizer->pseudonyms.cipher, address->port);
  text[-2] = (guint8) (port >> 8);
  text[-1] = (guint8) port;
}

static void
replace_strings (MilterAnonymizer *anonymizer, MilterContextId context, MilterBytes strings)
{
  MilterBytes string;

  while (milter_strings_next (&strings, &string))
    replace_text (anonymizer, context, string);
}

static void
replace_field (MilterAnonymizer *anonymizer,
               const MilterCapturePlace *place,
               const Row *row,
               MilterLayout layout,
               const MilterField *field)
{
  switch (layout)
    {
    case MILTER_LAYOUT_STRING:
      replace_text (anonymizer, row->first, field->bytes);
      break;
    case MILTER_LAYOUT_STRINGS:
      replace_strings (anonymizer, row->others, field->bytes);
      break;
    case MILTER_LAYOUT_PAIRS:
      replace_pairs (anonymizer, field->bytes);
      break;
    case MILTER_LAYOUT_SYMBOL_LISTS:
      replace_symbol_lists (anonymizer, field->bytes);
      break;
    case MILTER_LAYOUT_ADDRESS:
      replace_address (anonymizer, &field->address);
      break;
    case MILTER_LAYOUT_REST:
      if (row->is_body)
        replace_body (anonymizer, place, writable (anonymizer, field->bytes), field->bytes.size);
      else
        replace_text (anonymizer, MILTER_CONTEXT_TEXT, field->bytes);
      break;
    case MILTER_LAYOUT_U32:
    case MILTER_LAYOUT_BYTE:
    case MILTER_LAYOUT_NONE:
      break;
    }
}

static void
replace_fields (MilterAnonymizer *anonymizer,
                const MilterCapturePlace *place,
                const MilterMessage *message)
{
  const Row *row = find_row (message->sender, message->letter);
  const MilterFieldSpec *specs = message->spec->fields;
  guint n = 0;

  while (n < MILTER_SPEC_MAX_FIELDS && specs[n].layout != MILTER_LAYOUT_NONE)
    n++;
  if (row->is_header && n >= 2)
    replace_header (anonymizer, place, message->fields[n - 2].bytes, message->fields[n - 1].bytes);
  else
    for (guint i = 0; i < n; i++)
      replace_field (anonymizer, place, row, specs[i].layout, &message->fields[i]);
}

/* what is malformed has no fields, and an unknown letter none that are known */
static void
replace_payload (MilterAnonymizer *anonymizer, const MilterMessage *message)
{
  milter_pseudonyms_bytes (
      &anonymizer->pseudonyms, writable (anonymizer, message->payload), message->payload.size);
}

/* --- events --------------------------------------------------------------------------------------
 */

/* when things happened stays */
static void
on_started (gint64 time_ns, gpointer data)
{
  MilterAnonymizer *anonymizer = data;

  if (anonymizer->sink->started != NULL)
    anonymizer->sink->started (time_ns, anonymizer->data);
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  MilterAnonymizer *anonymizer = data;
  Connection *connection = find_connection (anonymizer, place->connection);
  GByteArray *bytes = anonymizer->bytes;
  MilterMessage message;

  if (behind_hole)
    lose_step (anonymizer, place);
  g_byte_array_set_size (bytes, 0);
  g_byte_array_append (bytes, frame.data, (guint) frame.size);
  if (frame.size > HEADER_SIZE)
    {
      milter_message_parse (
          place->from,
          bytes->data[HEADER_SIZE],
          milter_bytes (bytes->data + HEADER_SIZE + 1, bytes->len - HEADER_SIZE - 1),
          &message);
      if (connection != NULL && find_row (place->from, message.letter)->ends_message)
        end_message (connection);
      if (message.spec != NULL && message.fault == MILTER_NO_FAULT)
        replace_fields (anonymizer, place, &message);
      else
        replace_payload (anonymizer, &message);
    }
  if (anonymizer->sink->message != NULL)
    anonymizer->sink->message (
        place, milter_bytes (bytes->data, bytes->len), behind_hole, anonymizer->data);
}

/* Bytes that may be the beginning of a frame keep its length and its letter. */
static void
on_raw (const MilterCapturePlace *place, MilterBytes raw, gpointer data)
{
  MilterAnonymizer *anonymizer = data;
  GByteArray *bytes = anonymizer->bytes;
  gsize kept = 0;

  lose_step (anonymizer, place);
  g_byte_array_set_size (bytes, 0);
  g_byte_array_append (bytes, raw.data, (guint) raw.size);
  /* no frame is so long that the highest byte of its length is none */
  if (raw.size > HEADER_SIZE && raw.data[0] == 0
      && milter_spec_get (place->from, raw.data[HEADER_SIZE]) != NULL)
    kept = HEADER_SIZE + 1;
  if (raw.size > kept)
    milter_pseudonyms_bytes (&anonymizer->pseudonyms, bytes->data + kept, bytes->len - kept);
  if (anonymizer->sink->raw != NULL)
    anonymizer->sink->raw (place, milter_bytes (bytes->data, bytes->len), anonymizer->data);
}

/* @keeps_port: the milter's own tells which one it is, and not who connected */
static char *
replace_end (MilterAnonymizer *anonymizer, const char *end, bool keeps_port)
{
  char *replaced = g_strdup (end);
  const char *port = end == NULL ? NULL : strrchr (end, ':');

  if (end == NULL)
    return NULL;
  milter_pseudonyms_text (
      &anonymizer->pseudonyms, MILTER_CONTEXT_ADDRESS, (guint8 *) replaced, strlen (replaced));
  if (keeps_port && port != NULL && strlen (port + 1) <= 5
      && port[1 + strspn (port + 1, "0123456789")] == '\0')
    memcpy (replaced + (port - end), port, strlen (port));
  return replaced;
}

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  MilterAnonymizer *anonymizer = data;
  g_autofree char *mta = replace_end (anonymizer, opening->mta, /* keeps_port= */ false);
  g_autofree char *milter = replace_end (anonymizer, opening->milter, /* keeps_port= */ true);
  MilterCaptureOpening replaced = { mta, milter, opening->from_start };

  g_hash_table_remove (anonymizer->connections, GUINT_TO_POINTER (place->connection));
  if (anonymizer->sink->opened != NULL)
    anonymizer->sink->opened (place, &replaced, anonymizer->data);
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  MilterAnonymizer *anonymizer = data;

  lose_step (anonymizer, place);
  if (anonymizer->sink->hole != NULL)
    anonymizer->sink->hole (place, size, letter, anonymizer->data);
}

static void
on_closed (const MilterCapturePlace *place, bool reset, gpointer data)
{
  MilterAnonymizer *anonymizer = data;
  Connection *connection = find_connection (anonymizer, place->connection);

  if (connection != NULL)
    {
      connection->closed[place->from] = true;
      if (reset || connection->closed[!place->from])
        g_hash_table_remove (anonymizer->connections, GUINT_TO_POINTER (place->connection));
    }
  if (anonymizer->sink->closed != NULL)
    anonymizer->sink->closed (place, reset, anonymizer->data);
}

/* What the reader of a capture remarks stays, and that is all of it words and numbers that are
 * known; what somebody wrote into a trace does not. */
static void
on_note (const MilterCapturePlace *place, const char *text, gpointer data)
{
  MilterAnonymizer *anonymizer = data;
  g_autofree char *replaced = g_strdup (text);
  gsize size = strlen (text);

  milter_pseudonyms_text (&anonymizer->pseudonyms, MILTER_CONTEXT_NOTE, (guint8 *) replaced, size);
  if (strcmp (replaced, text) != 0)
    {
      memcpy (replaced, text, size);
      milter_pseudonyms_text (
          &anonymizer->pseudonyms, MILTER_CONTEXT_TEXT, (guint8 *) replaced, size);
    }
  if (anonymizer->sink->note != NULL)
    anonymizer->sink->note (place, replaced, anonymizer->data);
}

/* -------------------------------------------------------------------------------------------------
 */

const MilterCaptureSink *
milter_anonymizer_get_sink (void)
{
  static const MilterCaptureSink sink = {
    .started = on_started,
    .opened = on_opened,
    .message = on_message,
    .raw = on_raw,
    .hole = on_hole,
    .closed = on_closed,
    .note = on_note,
  };

  return &sink;
}

MilterAnonymizer *
milter_anonymizer_new (MilterBytes secret, const MilterCaptureSink *sink, gpointer data)
{
  MilterAnonymizer *anonymizer = g_new0 (MilterAnonymizer, 1);

  milter_pseudonyms_init (&anonymizer->pseudonyms, secret);
  anonymizer->sink = sink;
  anonymizer->data = data;
  anonymizer->connections
      = g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, connection_free);
  anonymizer->bytes = g_byte_array_new ();
  return anonymizer;
}

void
milter_anonymizer_free (MilterAnonymizer *anonymizer)
{
  if (anonymizer == NULL)
    return;
  milter_pseudonyms_clear (&anonymizer->pseudonyms);
  g_hash_table_unref (anonymizer->connections);
  g_byte_array_unref (anonymizer->bytes);
  g_free (anonymizer);
}
