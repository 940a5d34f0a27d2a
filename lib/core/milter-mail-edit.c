/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-mail-edit.c: what an MTA makes of a milter's edits.
 *
 * One row a letter; where MTAs differ the function asks the rules. The clauses are milter-protocol 3.8 (header), 3.9 (body), 3.10 (envelope).
 */
#include "milter-mail-private.h"

#include <string.h>

G_DEFINE_QUARK (milter-mail-error-quark, milter_mail_error)

/* one edit on its way into a mail */
typedef struct
{
  MilterMail *mail;
  const MilterMessage *message;
  const MilterEditRules *rules;
  bool leading_space;
} Edit;

static MilterBytes
header_name (const MilterMailHeader *header)
{
  return milter_bytes (header->name->str, header->name->len);
}

/* whether every line but the first begins with white space, as those of a folded field do */
static bool
is_folded (MilterBytes text)
{
  for (gsize i = 0; i < text.size; i++)
    if (text.data[i] == '\n'
        && (i + 1 == text.size || (text.data[i + 1] != ' ' && text.data[i + 1] != '\t')))
      return false;
  return true;
}

/* Appends part of a header line. A line break that is not followed by white space must not let a
 * new field arise: Postfix indents such a line with a tab; sendmail then joins all lines of the
 * value with blanks. Both keep the CR of a CRLF in their queue files (milter-protocol 3.8). */
static void
append_text (const Edit *edit, MilterBytes text, GString *out)
{
  bool joins = edit->rules->joins_lines && !is_folded (text);

  for (gsize i = 0; i < text.size; i++)
    {
      bool breaks = text.data[i] == '\n';

      g_string_append_c (out, breaks && joins ? ' ' : (char) text.data[i]);
      if (breaks && !joins && !is_folded (milter_bytes (text.data + i, MIN (2, text.size - i))))
        g_string_append_c (out, '\t');
    }
}

/* what stands behind the colon in the message: with HDR_LEADSPC the milter sends the blank */
static GString *
message_value (const Edit *edit, MilterBytes value)
{
  GString *text = g_string_new (edit->leading_space ? NULL : " ");

  append_text (edit, value, text);
  return text;
}

static void
insert_field (const Edit *edit, guint position, MilterBytes name, MilterBytes value)
{
  GString *text = message_value (edit, value);
  GString *label = g_string_new (NULL);

  append_text (edit, name, label);
  milter_mail_insert_header (edit->mail,
                             position,
                             milter_bytes (label->str, label->len),
                             milter_bytes (text->str, text->len),
                             /* hidden= */ FALSE);
  g_string_free (label, TRUE);
  g_string_free (text, TRUE);
}

static void
change_field (const Edit *edit, MilterMailHeader *header, MilterBytes name, MilterBytes value)
{
  GString *text = message_value (edit, value);

  g_string_free (header->value, TRUE);
  header->value = text;
  /* Postfix writes the line anew, name and all; sendmail exchanges the value */
  if (!edit->rules->keeps_name)
    {
      g_string_truncate (header->name, 0);
      append_text (edit, name, header->name);
    }
  header->hidden = FALSE;
  header->deleted = FALSE;
}

/* sendmail: where the first field of this name is, hidden and deleted ones included; the end if
 * there is none */
static guint
find_same_name (const MilterMail *mail, MilterBytes name)
{
  guint position = 0;

  while (position < mail->headers->len
         && !milter_bytes_equal_caseless (
             header_name (g_ptr_array_index (mail->headers, position)), name))
    position++;
  return position;
}

/* sendmail: the field that it made itself, if it is one that stands only once (no trace field) */
static MilterMailHeader *
find_own (const MilterMail *mail, MilterBytes name)
{
  if (milter_bytes_equal_caseless (name, milter_bytes_from_string ("Received")))
    return NULL;
  for (guint i = 0; i < mail->headers->len; i++)
    {
      MilterMailHeader *header = g_ptr_array_index (mail->headers, i);

      if (header->hidden && milter_bytes_equal_caseless (header_name (header), name))
        return header;
    }
  return NULL;
}

static void
add_field (const Edit *edit, MilterBytes name, MilterBytes value)
{
  MilterMail *mail = edit->mail;

  insert_field (edit,
                edit->rules->adds_before_same ? find_same_name (mail, name) : mail->headers->len,
                name,
                value);
}

static bool
add_header (const Edit *edit, GError **error)
{
  MilterBytes name = edit->message->fields[0].bytes;
  MilterBytes value = edit->message->fields[1].bytes;
  MilterMailHeader *own = edit->rules->replaces_own ? find_own (edit->mail, name) : NULL;

  if (name.size == 0 && edit->rules->ignores_nameless)
    return true;
  if (own != NULL)
    change_field (edit, own, name, value);
  else
    add_field (edit, name, value);
  return true;
}

static bool
insert_header (const Edit *edit, GError **error)
{
  guint32 position = edit->message->fields[0].number;
  MilterBytes name = edit->message->fields[1].bytes;

  /* sendmail keeps the index in an int: 0xffffffff is -1, and anything below 1 is the top */
  if (edit->rules->index_has_sign && position > G_MAXINT32)
    position = 0;
  if (name.size == 0 && edit->rules->ignores_nameless)
    return true;
  for (guint i = 0; position == 0 && edit->rules->top_shows_own && i < edit->mail->headers->len; i++)
    ((MilterMailHeader *) g_ptr_array_index (edit->mail->headers, i))->counted = TRUE;
  insert_field (edit, position, name, edit->message->fields[2].bytes);
  return true;
}

/* the Nth field of a name among those that the milter can know; an index below 1 counts as 1 */
static int
find_nth (const Edit *edit, MilterBytes name, guint32 nth)
{
  guint32 count = nth;

  if (nth == 0 || (edit->rules->index_has_sign && nth > G_MAXINT32))
    count = 1;
  for (guint i = 0; i < edit->mail->headers->len; i++)
    {
      const MilterMailHeader *header = g_ptr_array_index (edit->mail->headers, i);

      if ((!header->hidden || header->counted) && milter_bytes_equal_caseless (header_name (header), name)
          && --count == 0)
        return (int) i;
    }
  return -1;
}

static bool
change_header (const Edit *edit, GError **error)
{
  MilterMail *mail = edit->mail;
  MilterBytes name = edit->message->fields[1].bytes;
  MilterBytes value = edit->message->fields[2].bytes;
  int position = find_nth (edit, name, edit->message->fields[0].number);
  MilterMailHeader *header;

  if (name.size == 0)
    {
      if (edit->rules->ignores_nameless)
        return true;
      g_set_error_literal (error,
                           MILTER_MAIL_ERROR,
                           MILTER_MAIL_ERROR_HEADER,
                           "change-header: the name of the field is empty, which Postfix refuses");
      return false;
    }
  header = position >= 0 ? g_ptr_array_index (mail->headers, position) : NULL;
  if (header == NULL && edit->rules->replaces_own)
    header = find_own (mail, name);

  if (header == NULL && value.size > 0)
    add_field (edit, name, value);
  else if (header != NULL && value.size > 0)
    change_field (edit, header, name, value);
  else if (header != NULL && edit->rules->deleted_counts)
    header->deleted = TRUE;
  else if (header != NULL)
    g_ptr_array_remove_index (mail->headers, (guint) position);
  return true;
}

/* appends with every LF as CRLF; a CR may have come at the end of what is there already */
static void
append_body_lines (GByteArray *body, MilterBytes chunk)
{
  while (chunk.size > 0)
    {
      const guint8 *line_feed = memchr (chunk.data, '\n', chunk.size);
      gsize size = line_feed == NULL ? chunk.size : (gsize) (line_feed - chunk.data);

      g_byte_array_append (body, chunk.data, (guint) size);
      if (line_feed == NULL)
        return;
      if (body->len == 0 || body->data[body->len - 1] != '\r')
        g_byte_array_append (body, (const guint8 *) "\r", 1);
      g_byte_array_append (body, (const guint8 *) "\n", 1);
      chunk.data += size + 1;
      chunk.size -= size + 1;
    }
}

static bool
replace_body (const Edit *edit, GError **error)
{
  MilterMail *mail = edit->mail;

  if (mail->body_closed && !edit->rules->takes_parts)
    {
      g_set_error_literal (error,
                           MILTER_MAIL_ERROR,
                           MILTER_MAIL_ERROR_BODY_INTERLEAVED,
                           "replace-body: another edit came between this and the body before it, "
                           "which Postfix refuses");
      return false;
    }
  if (!mail->body_replaced)
    g_byte_array_set_size (mail->body, 0);
  mail->body_replaced = TRUE;
  append_body_lines (mail->body, edit->message->fields[0].bytes);
  return true;
}

/* the address alone: "<a@b>" and "A <a@b>" are a@b */
static MilterBytes
bare_address (MilterBytes address)
{
  const guint8 *open = address.size == 0 ? NULL : memchr (address.data, '<', address.size);
  const guint8 *close;

  if (open == NULL)
    return address;
  close = memchr (open, '>', address.size - (gsize) (open - address.data));
  if (close == NULL)
    return address;
  return milter_bytes (open + 1, (gsize) (close - open - 1));
}

static MilterBytes
recipient_address (const MilterMailAddress *recipient)
{
  return bare_address (milter_bytes (recipient->address->str, recipient->address->len));
}

/* the ESMTP arguments that an edit may carry; Postfix passes over others */
static const char *const recipient_keywords[] = { "NOTIFY", "ORCPT", NULL };
static const char *const sender_keywords[] = { "RET", "ENVID", NULL };

static MilterBytes
argument_keyword (MilterBytes argument)
{
  const guint8 *equals = memchr (argument.data, '=', argument.size);

  return milter_bytes (argument.data,
                       equals == NULL ? argument.size : (gsize) (equals - argument.data));
}

static bool
is_keyword (MilterBytes argument, const char *const *keywords)
{
  MilterBytes word = argument_keyword (argument);

  for (; *keywords != NULL; keywords++)
    if (word.size < argument.size
        && milter_bytes_equal_caseless (word, milter_bytes_from_string (*keywords)))
      return true;
  return false;
}

/* the next argument: they stand between blanks */
static bool
next_argument (MilterBytes *rest, MilterBytes *argument)
{
  while (rest->size > 0 && rest->data[0] == ' ')
    *rest = milter_bytes (rest->data + 1, rest->size - 1);
  *argument = milter_bytes (rest->data, 0);
  while (rest->size > 0 && rest->data[0] != ' ')
    {
      argument->size++;
      *rest = milter_bytes (rest->data + 1, rest->size - 1);
    }
  return argument->size > 0;
}

/* the one string of arguments that an edit may have */
static MilterBytes
edit_arguments (const Edit *edit)
{
  MilterBytes packed = edit->message->fields[1].bytes;
  MilterBytes arguments = { NULL, 0 };

  if (edit->message->spec->fields[1].layout == MILTER_LAYOUT_STRINGS)
    milter_strings_next (&packed, &arguments);
  return arguments;
}

/* Appends those of @arguments that have one of the keywords, packed. Returns whether all had. */
static bool
pack_arguments (MilterBytes arguments, const char *const *keywords, GByteArray *packed)
{
  MilterBytes argument;
  bool all = true;

  while (next_argument (&arguments, &argument))
    if (is_keyword (argument, keywords))
      milter_strings_append (packed, argument);
    else
      all = false;
  return all;
}

/* Postfix passes over a recipient that some milter has added already, in any case, with the same
 * arguments; a client's recipient does not count. sendmail knows each address once. */
static bool
is_duplicate (const Edit *edit, const MilterMailAddress *one, const MilterMailAddress *other)
{
  if (edit->rules->knows_once)
    return milter_bytes_equal (recipient_address (one), recipient_address (other));
  return other->added
         && g_strcmp0 (one->arguments == NULL ? NULL : one->arguments->str,
                       other->arguments == NULL ? NULL : other->arguments->str)
                == 0
         && milter_bytes_equal_caseless (recipient_address (one), recipient_address (other));
}

static bool
add_recipient (const Edit *edit, GError **error)
{
  GPtrArray *recipients = edit->mail->recipients;
  MilterBytes address = edit->message->fields[0].bytes;
  g_autoptr (GByteArray) packed = g_byte_array_new ();
  bool all_known = pack_arguments (edit_arguments (edit), recipient_keywords, packed);
  MilterMailAddress *added;

  /* both ignore the null address; sendmail drops a recipient whose arguments it does not know */
  if (bare_address (address).size == 0 || (edit->rules->drops_unknown && !all_known))
    return true;
  milter_mail_add_recipient (edit->mail, address, milter_bytes (packed->data, packed->len));
  added = g_ptr_array_index (recipients, recipients->len - 1);
  added->added = TRUE;
  for (guint i = 0; i + 1 < recipients->len; i++)
    if (is_duplicate (edit, added, g_ptr_array_index (recipients, i)))
      {
        g_ptr_array_set_size (recipients, (int) recipients->len - 1);
        break;
      }
  return true;
}

/* both MTAs compare the address as a whole and with case */
static bool
delete_recipient (const Edit *edit, GError **error)
{
  GPtrArray *recipients = edit->mail->recipients;
  MilterBytes address = bare_address (edit->message->fields[0].bytes);

  for (guint i = recipients->len; i > 0; i--)
    if (milter_bytes_equal (recipient_address (g_ptr_array_index (recipients, i - 1)), address))
      g_ptr_array_remove_index (recipients, i - 1);
  return true;
}

/* Appends to @packed those of the old arguments that @packed says nothing about. */
static void
keep_arguments (const GString *old, GByteArray *packed)
{
  MilterBytes rest = milter_bytes (old->str, old->len);
  gsize n_new = packed->len;
  MilterBytes argument;

  while (next_argument (&rest, &argument))
    {
      MilterBytes fresh = milter_bytes (packed->data, n_new);
      MilterBytes other;
      bool said = false;

      while (milter_strings_next (&fresh, &other))
        said |= milter_bytes_equal_caseless (argument_keyword (other), argument_keyword (argument));
      if (!said)
        milter_strings_append (packed, argument);
    }
}

/* Without arguments those of MAIL stay. Postfix takes RET and ENVID and leaves the rest as it was;
 * sendmail begins anew with whatever there is. */
static bool
change_from (const Edit *edit, GError **error)
{
  MilterMail *mail = edit->mail;
  MilterBytes arguments = edit_arguments (edit);
  g_autoptr (GByteArray) packed = g_byte_array_new ();

  if (edit->rules->needs_sender && edit->message->fields[0].bytes.size == 0)
    return true;
  if (edit->rules->replaces_arguments && arguments.size > 0)
    milter_strings_append (packed, arguments);
  else
    pack_arguments (arguments, sender_keywords, packed);
  if (mail->sender.arguments != NULL && (!edit->rules->replaces_arguments || arguments.size == 0))
    keep_arguments (mail->sender.arguments, packed);
  milter_mail_set_sender (
      mail, edit->message->fields[0].bytes, milter_bytes (packed->data, packed->len));
  return true;
}

/* Postfix takes the reason as it comes, also without its NUL */
static bool
quarantine (const Edit *edit, GError **error)
{
  MilterBytes reason = edit->message->payload;
  const guint8 *nul;

  if (edit->message->fault == MILTER_NO_FAULT)
    reason = edit->message->fields[0].bytes;
  nul = reason.size == 0 ? NULL : memchr (reason.data, '\0', reason.size);
  if (nul != NULL)
    reason.size = (gsize) (nul - reason.data);
  if (edit->mail->quarantine == NULL)
    edit->mail->quarantine = g_string_new (NULL);
  g_string_truncate (edit->mail->quarantine, 0);
  g_string_append_len (edit->mail->quarantine, (const char *) reason.data, (gssize) reason.size);
  if (edit->rules->one_line_reason)
    g_strdelimit (edit->mail->quarantine->str, "\r\n", ' ');
  return true;
}

static bool
progress (const Edit *edit, GError **error)
{
  return true;
}

/* the edits; a test holds this list and the protocol's table together */
static const struct
{
  guint8 letter;
  bool (*apply) (const Edit *edit, GError **error);
  bool takes_faults; /* Postfix does not look at its structure */
} edits[] = {
  { MILTER_REPLY_ADD_HEADER, add_header },
  { MILTER_REPLY_INSERT_HEADER, insert_header },
  { MILTER_REPLY_CHANGE_HEADER, change_header },
  { MILTER_REPLY_REPLACE_BODY, replace_body },
  { MILTER_REPLY_ADD_RECIPIENT, add_recipient },
  { MILTER_REPLY_ADD_RECIPIENT_WITH_PARAMETERS, add_recipient },
  { MILTER_REPLY_DELETE_RECIPIENT, delete_recipient },
  { MILTER_REPLY_CHANGE_FROM, change_from },
  { MILTER_REPLY_QUARANTINE, quarantine, .takes_faults = true },
  { MILTER_REPLY_PROGRESS, progress },
};

/* Postfix refuses a frame with the wrong structure and sendmail passes over it; a letter that is no
 * edit is the caller's to keep away */
static bool
refuse_malformed (const MilterMessage *message, const MilterEditRules *rules, GError **error)
{
  g_autoptr (GError) fault = NULL;

  if (rules->ignores_malformed)
    return true;
  fault = milter_message_get_fault (message);
  g_set_error (error, MILTER_MAIL_ERROR, MILTER_MAIL_ERROR_MALFORMED, "%s", fault->message);
  return false;
}

gboolean
milter_mail_edit (MilterMail *mail,
                  const MilterMessage *message,
                  const MilterEditRules *rules,
                  gboolean leading_space,
                  GError **error)
{
  Edit edit = { mail, message, rules, leading_space };

  for (gsize i = 0; message->sender == MILTER_SIDE_MILTER && i < G_N_ELEMENTS (edits); i++)
    {
      if (edits[i].letter != message->letter)
        continue;
      if (message->fault != MILTER_NO_FAULT
          && !(edits[i].takes_faults && rules->loose_reason))
        return refuse_malformed (message, rules, error);
      if (!edits[i].apply (&edit, error))
        return FALSE;
      if (mail->body_replaced && message->letter != MILTER_REPLY_REPLACE_BODY)
        mail->body_closed = TRUE;
      return TRUE;
    }
  g_set_error (error,
               MILTER_MAIL_ERROR,
               MILTER_MAIL_ERROR_MALFORMED,
               "'%c' (0x%02x) of a %s is no edit of a mail",
               g_ascii_isprint (message->letter) ? message->letter : '?',
               message->letter,
               message->sender == MILTER_SIDE_MILTER ? "milter" : "MTA");
  return FALSE;
}

void
milter_mail_finish_edits (MilterMail *mail, const MilterEditRules *rules)
{
  GByteArray *body = mail->body;
  bool complete = body->len == 0 || body->data[body->len - 1] == '\n';

  if (mail->body_replaced && rules->completes_line && !complete)
    g_byte_array_append (body, (const guint8 *) "\r\n", 2);
  mail->body_replaced = FALSE;
  mail->body_closed = FALSE;

  for (guint i = mail->headers->len; i > 0; i--)
    if (((MilterMailHeader *) g_ptr_array_index (mail->headers, i - 1))->deleted)
      g_ptr_array_remove_index (mail->headers, i - 1);
}
