/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-mail-edit.c: what an MTA makes of a milter's edits.
 *
 * One row a letter; where Postfix and sendmail differ the function asks the rules. The clauses are
 * milter-protocol 3.8 (header), 3.9 (body), 3.10 (envelope).
 */
#include "milter-mail-private.h"

#include <string.h>

G_DEFINE_QUARK (milter-mail-error-quark, milter_mail_error)

/* one edit on its way into a mail */
typedef struct
{
  MilterMail *mail;
  const MilterMessage *message;
  MilterEditRules rules;
  bool leading_space;
} Edit;

static bool
is_sendmail (const Edit *edit)
{
  return edit->rules == MILTER_EDIT_RULES_SENDMAIL;
}

static MilterBytes
header_name (const MilterMailHeader *header)
{
  return milter_bytes (header->name->str, header->name->len);
}

/* Appends a header value to what stands behind the colon. A line break that is not followed by
 * white space must not let a new field arise: Postfix indents such a line with a tab, sendmail
 * joins it with a blank. */
static void
append_value (const Edit *edit, MilterBytes value, GString *out)
{
  for (gsize i = 0; i < value.size; i++)
    {
      char byte = (char) value.data[i];
      bool folds = i + 1 < value.size && strchr (" \t", value.data[i + 1]) != NULL
                   && value.data[i + 1] != '\0';

      if (byte == '\r' && i + 1 < value.size && value.data[i + 1] == '\n')
        continue;
      if (byte != '\n')
        g_string_append_c (out, byte);
      else if (folds)
        g_string_append_c (out, '\n');
      else if (is_sendmail (edit))
        g_string_append_c (out, ' ');
      else
        g_string_append (out, "\n\t");
    }
}

/* what stands behind the colon in the message: with HDR_LEADSPC the milter sends the blank */
static GString *
message_value (const Edit *edit, MilterBytes value)
{
  GString *text = g_string_new (edit->leading_space ? NULL : " ");

  append_value (edit, value, text);
  return text;
}

static void
insert_field (const Edit *edit, guint position, MilterBytes name, MilterBytes value)
{
  GString *text = message_value (edit, value);

  milter_mail_insert_header (edit->mail,
                             position,
                             name,
                             milter_bytes (text->str, text->len),
                             /* hidden= */ FALSE);
  g_string_free (text, TRUE);
}

static void
change_field (const Edit *edit, MilterMailHeader *header, MilterBytes name, MilterBytes value)
{
  GString *text = message_value (edit, value);

  g_string_free (header->value, TRUE);
  header->value = text;
  /* Postfix writes the line anew, name and all; sendmail exchanges the value */
  if (!is_sendmail (edit))
    {
      g_string_truncate (header->name, 0);
      g_string_append_len (header->name, (const char *) name.data, (gssize) name.size);
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

/* sendmail: the field that it made itself, if it is one that stands only once (not a trace field) */
static MilterMailHeader *
find_automatic (const MilterMail *mail, MilterBytes name)
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
                is_sendmail (edit) ? find_same_name (mail, name) : mail->headers->len,
                name,
                value);
}

static bool
add_header (const Edit *edit, GError **error)
{
  MilterBytes name = edit->message->fields[0].bytes;
  MilterBytes value = edit->message->fields[1].bytes;
  MilterMailHeader *automatic = is_sendmail (edit) ? find_automatic (edit->mail, name) : NULL;

  if (name.size == 0 && is_sendmail (edit))
    return true;
  if (automatic != NULL)
    change_field (edit, automatic, name, value);
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
  if (is_sendmail (edit) && position > G_MAXINT32)
    position = 0;
  if (name.size == 0 && is_sendmail (edit))
    return true;
  insert_field (edit, position, name, edit->message->fields[2].bytes);
  return true;
}

/* the Nth field of a name among those that the milter can know, counted from 1; below 1 counts as 1 */
static int
find_nth (const Edit *edit, MilterBytes name, guint32 nth)
{
  guint n_passed = 0;
  guint32 count = nth;

  if (nth == 0 || (is_sendmail (edit) && nth > G_MAXINT32))
    count = 1;
  for (guint i = 0; i < edit->mail->headers->len; i++)
    {
      const MilterMailHeader *header = g_ptr_array_index (edit->mail->headers, i);

      /* sendmail knows which fields are its own; Postfix passes over as many fields as it has put
       * in at the top, whatever stands there by now */
      if (is_sendmail (edit) ? header->hidden : n_passed < edit->mail->n_hidden)
        {
          n_passed++;
          continue;
        }
      if (milter_bytes_equal_caseless (header_name (header), name) && --count == 0)
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
      if (is_sendmail (edit))
        return true;
      g_set_error_literal (error,
                           MILTER_MAIL_ERROR,
                           MILTER_MAIL_ERROR_HEADER,
                           "change-header: the name of the field is empty, which Postfix refuses");
      return false;
    }
  header = position >= 0 ? g_ptr_array_index (mail->headers, position) : NULL;
  if (header == NULL && is_sendmail (edit))
    header = find_automatic (mail, name);

  if (header == NULL && value.size > 0)
    add_field (edit, name, value);
  else if (header != NULL && value.size > 0)
    change_field (edit, header, name, value);
  else if (header != NULL && is_sendmail (edit))
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

  if (mail->body_closed && !is_sendmail (edit))
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

static MilterBytes
without_brackets (MilterBytes address)
{
  if (address.size >= 2 && address.data[0] == '<' && address.data[address.size - 1] == '>')
    return milter_bytes (address.data + 1, address.size - 2);
  return address;
}

/* both MTAs compare the address as a whole and with case */
static bool
is_recipient (const MilterMailAddress *recipient, MilterBytes address)
{
  return milter_bytes_equal (
      without_brackets (milter_bytes (recipient->address->str, recipient->address->len)),
      without_brackets (address));
}

static bool
has_recipient (const MilterMail *mail, MilterBytes address)
{
  for (guint i = 0; i < mail->recipients->len; i++)
    if (is_recipient (g_ptr_array_index (mail->recipients, i), address))
      return true;
  return false;
}

static bool
add_recipient (const Edit *edit, GError **error)
{
  MilterBytes none = { NULL, 0 };
  bool has_arguments = edit->message->letter == MILTER_REPLY_ADD_RECIPIENT_WITH_PARAMETERS;

  if (!has_recipient (edit->mail, edit->message->fields[0].bytes))
    milter_mail_add_recipient (edit->mail,
                               edit->message->fields[0].bytes,
                               has_arguments ? edit->message->fields[1].bytes : none);
  return true;
}

static bool
delete_recipient (const Edit *edit, GError **error)
{
  GPtrArray *recipients = edit->mail->recipients;

  for (guint i = recipients->len; i > 0; i--)
    if (is_recipient (g_ptr_array_index (recipients, i - 1), edit->message->fields[0].bytes))
      g_ptr_array_remove_index (recipients, i - 1);
  return true;
}

static bool
change_from (const Edit *edit, GError **error)
{
  milter_mail_set_sender (edit->mail, edit->message->fields[0].bytes, edit->message->fields[1].bytes);
  return true;
}

static bool
quarantine (const Edit *edit, GError **error)
{
  MilterBytes reason = edit->message->fields[0].bytes;

  if (edit->mail->quarantine == NULL)
    edit->mail->quarantine = g_string_new (NULL);
  g_string_truncate (edit->mail->quarantine, 0);
  g_string_append_len (edit->mail->quarantine, (const char *) reason.data, (gssize) reason.size);
  return true;
}

/* the edits; a test holds this list and the protocol's table together */
static const struct
{
  guint8 letter;
  bool (*apply) (const Edit *edit, GError **error);
} edits[] = {
  { MILTER_REPLY_ADD_HEADER, add_header },
  { MILTER_REPLY_INSERT_HEADER, insert_header },
  { MILTER_REPLY_CHANGE_HEADER, change_header },
  { MILTER_REPLY_REPLACE_BODY, replace_body },
  { MILTER_REPLY_ADD_RECIPIENT, add_recipient },
  { MILTER_REPLY_ADD_RECIPIENT_WITH_PARAMETERS, add_recipient },
  { MILTER_REPLY_DELETE_RECIPIENT, delete_recipient },
  { MILTER_REPLY_CHANGE_FROM, change_from },
  { MILTER_REPLY_QUARANTINE, quarantine },
};

/* Postfix refuses a frame with the wrong structure and sendmail passes over it; a letter that is no
 * edit is the caller's to keep away */
static bool
refuse_malformed (const MilterMessage *message, MilterEditRules rules, GError **error)
{
  g_autoptr (GError) fault = NULL;

  if (rules == MILTER_EDIT_RULES_SENDMAIL)
    return true;
  fault = milter_message_get_fault (message);
  g_set_error (error, MILTER_MAIL_ERROR, MILTER_MAIL_ERROR_MALFORMED, "%s", fault->message);
  return false;
}

gboolean
milter_mail_edit (MilterMail *mail,
                  const MilterMessage *message,
                  MilterEditRules rules,
                  gboolean leading_space,
                  GError **error)
{
  Edit edit = { mail, message, rules, leading_space };

  for (gsize i = 0; message->sender == MILTER_SIDE_MILTER && i < G_N_ELEMENTS (edits); i++)
    {
      if (edits[i].letter != message->letter)
        continue;
      if (message->fault != MILTER_NO_FAULT)
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
milter_mail_finish_edits (MilterMail *mail, MilterEditRules rules)
{
  GByteArray *body = mail->body;
  bool complete = body->len == 0 || body->data[body->len - 1] == '\n';

  if (mail->body_replaced && rules == MILTER_EDIT_RULES_POSTFIX && !complete)
    g_byte_array_append (body, (const guint8 *) "\r\n", 2);
  mail->body_replaced = FALSE;
  mail->body_closed = FALSE;

  for (guint i = mail->headers->len; i > 0; i--)
    if (((MilterMailHeader *) g_ptr_array_index (mail->headers, i - 1))->deleted)
      g_ptr_array_remove_index (mail->headers, i - 1);
}
