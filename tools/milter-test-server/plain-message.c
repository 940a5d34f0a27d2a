/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plain-message.c: the one message of a run without a scenario.
 *
 * The same player plays it that plays scenarios, so that it is judged in the same way: what is not
 * said is filled in by the profile, and the mail is expected to pass.
 */
#include "plain-message.h"

#include <string.h>

#include "milter-esmtp-private.h"

typedef struct
{
  GPtrArray *steps; /* of MilterStep */
  guint next;
} PlainMessage;

static MilterStep *
add_step (PlainMessage *plain, MilterStepKind kind)
{
  MilterStep *step = milter_step_new (kind);

  step->where.file = "the options";
  g_ptr_array_add (plain->steps, step);
  return step;
}

static MilterStep *
add_command (PlainMessage *plain, guint8 letter)
{
  MilterStep *step = add_step (plain, MILTER_STEP_KIND_COMMAND);

  step->spec = milter_spec_get (MILTER_SIDE_MTA, letter);
  return step;
}

static void
add_argument (MilterStep *step, const void *data, gsize size)
{
  g_ptr_array_add (step->arguments, g_bytes_new (data, size));
}

static void
add_text (MilterStep *step, const char *text)
{
  add_argument (step, text, strlen (text));
}

static void
add_timeout (PlainMessage *plain, gint64 timeout_us)
{
  add_step (plain, MILTER_STEP_KIND_TIMEOUT)->duration_us = timeout_us;
}

/* the macros of one stage, if options set any; one line for each, as a scenario would have it */
static void
add_macros (PlainMessage *plain, const ServerOptions *options, guint8 command)
{
  for (guint i = 0; i < options->macros->len; i++)
    {
      const ServerMacro *macro = g_ptr_array_index (options->macros, i);
      g_autoptr (GBytes) name = g_bytes_new (macro->name, strlen (macro->name));
      g_autoptr (GBytes) value = g_bytes_new (macro->value, strlen (macro->value));
      MilterStep *step;

      if (macro->command != command)
        continue;
      step = add_command (plain, MILTER_COMMAND_DEFINE_MACRO);
      step->letter = command;
      g_ptr_array_add (step->macros, milter_macro_item_new (name, value));
    }
}

/* `<address> PARAMETER…`: the words behind the address */
static char **
split_envelope (const char *text, gsize *address_size)
{
  *address_size = _milter_esmtp_address_size (text);
  return g_strsplit (text + *address_size, " ", /* max_tokens= */ -1);
}

static void
add_envelope (PlainMessage *plain, const ServerOptions *options, guint8 letter, const char *text)
{
  gsize size;
  g_auto (GStrv) words = split_envelope (text, &size);
  MilterStep *step;

  add_macros (plain, options, letter);
  step = add_command (plain, letter);
  add_argument (step, text, size);
  for (char **word = words; *word != NULL; word++)
    {
      if (**word != '\0')
        add_text (step, *word);
    }
}

static void
add_connection (PlainMessage *plain, const ServerOptions *options)
{
  MilterStep *step;

  add_timeout (plain, options->reading_timeout_us);
  step = add_command (plain, MILTER_COMMAND_NEGOTIATE);
  if (options->version != MILTER_PROTOCOL_VERSION_MAX)
    {
      step->negotiate.has_version = TRUE;
      step->negotiate.version_min = step->negotiate.version_max = options->version;
    }

  add_macros (plain, options, MILTER_COMMAND_CONNECT);
  step = add_command (plain, MILTER_COMMAND_CONNECT);
  add_text (step, options->connect_host);
  add_text (step, options->connect_address);
  step->has_port = TRUE;
  step->port = options->connect_port;

  add_macros (plain, options, MILTER_COMMAND_HELO);
  add_text (add_command (plain, MILTER_COMMAND_HELO), options->helo_fqdn);
}

static void
add_content (PlainMessage *plain, const ServerOptions *options)
{
  const MilterMail *mail = options->mail;

  add_macros (plain, options, MILTER_COMMAND_DATA);
  add_command (plain, MILTER_COMMAND_DATA);
  for (guint i = 0; i < mail->headers->len; i++)
    {
      const MilterMailHeader *header = g_ptr_array_index (mail->headers, i);
      MilterStep *step = add_command (plain, MILTER_COMMAND_HEADER);

      add_argument (step, header->name->str, header->name->len);
      add_argument (step, header->value->str, header->value->len);
    }
  add_macros (plain, options, MILTER_COMMAND_END_OF_HEADER);
  add_command (plain, MILTER_COMMAND_END_OF_HEADER);
  if (mail->body->len > 0)
    add_argument (add_command (plain, MILTER_COMMAND_BODY), mail->body->data, mail->body->len);
  add_timeout (plain, options->end_of_message_timeout_us);
  add_macros (plain, options, MILTER_COMMAND_END_OF_MESSAGE);
  add_command (plain, MILTER_COMMAND_END_OF_MESSAGE);
  add_timeout (plain, options->reading_timeout_us);
}

static gboolean
plain_next (gpointer source, const MilterStep **step, GError **error)
{
  PlainMessage *plain = source;

  if (plain->next == plain->steps->len)
    return FALSE;
  *step = g_ptr_array_index (plain->steps, plain->next++);
  return TRUE;
}

static void
plain_free (gpointer source)
{
  PlainMessage *plain = source;

  g_ptr_array_unref (plain->steps);
  g_free (plain);
}

static const MilterStepSourceClass plain_class = { .next = plain_next, .free = plain_free };

MilterStepSource
plain_message_source (const ServerOptions *options)
{
  PlainMessage *plain = g_new0 (PlainMessage, 1);

  plain->steps = g_ptr_array_new_with_free_func ((GDestroyNotify) milter_step_free);
  add_connection (plain, options);
  add_envelope (plain, options, MILTER_COMMAND_ENVELOPE_FROM, options->envelope_from);
  for (guint i = 0; i < options->recipients->len; i++)
    add_envelope (plain,
                  options,
                  MILTER_COMMAND_ENVELOPE_RECIPIENT,
                  g_ptr_array_index (options->recipients, i));
  if (options->unknown != NULL)
    add_text (add_command (plain, MILTER_COMMAND_UNKNOWN), options->unknown);
  add_content (plain, options);
  return (MilterStepSource){ &plain_class, plain };
}

static void
add_address (MilterMail *mail,
             const char *text,
             void (*add) (MilterMail *mail, MilterBytes address, MilterBytes arguments))
{
  g_autoptr (GByteArray) arguments = g_byte_array_new ();
  gsize size;
  g_auto (GStrv) words = split_envelope (text, &size);

  for (char **word = words; *word != NULL; word++)
    {
      if (**word != '\0')
        milter_strings_append (arguments, milter_bytes_from_string (*word));
    }
  add (mail, milter_bytes (text, size), milter_bytes (arguments->data, arguments->len));
}

MilterMail *
plain_message_mail (const ServerOptions *options)
{
  MilterMail *mail = milter_mail_copy (options->mail);

  add_address (mail, options->envelope_from, milter_mail_set_sender);
  for (guint i = 0; i < options->recipients->len; i++)
    add_address (mail, g_ptr_array_index (options->recipients, i), milter_mail_add_recipient);
  return mail;
}
