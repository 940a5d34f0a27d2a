/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * print-events.c: each event of a milter as lines of text, in the form of the reference tool.
 *
 * An event and its macros are written in one go: several threads may serve.
 */
#include "print-events.h"

#include <string.h>

/* What can do something to a terminal is shown as \xHH; line ends stay, but a CR in front of one.
 */
static void
append_text (GString *text, const char *bytes, gsize size)
{
  const char *end = bytes + size;

  while (bytes < end)
    {
      const char *line_end = memchr (bytes, '\n', end - bytes);
      const char *stop = line_end != NULL ? line_end : end;
      gsize length = stop - bytes;

      if (line_end != NULL && length > 0 && bytes[length - 1] == '\r')
        length--;
      tool_append_safe (text, milter_bytes (bytes, length));
      if (line_end == NULL)
        break;
      g_string_append_c (text, '\n');
      bytes = line_end + 1;
    }
}

static void
append_string (GString *text, const char *string)
{
  append_text (text, string, strlen (string));
}

/* the event's name, coloured on a terminal */
static GString *
begin (const char *name, gpointer data)
{
  const TestClientOptions *options = data;
  bool colored = tool_color_is_on (options->color, stdout);
  GString *text = g_string_new (colored ? "\033[1;36m" : "");

  g_string_append (text, name);
  if (colored)
    g_string_append (text, "\033[0m");
  return text;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
append_macros (GString *text, MilterClientContext *context)
{
  GHashTable *macros = milter_protocol_agent_get_macros (MILTER_PROTOCOL_AGENT (context));
  guint n = 0;
  g_autofree const char **names = (const char **) g_hash_table_get_keys_as_array (macros, &n);

  if (n == 0)
    return;
  qsort (names, n, sizeof *names, compare_names);
  g_string_append (text, "macros:\n");
  for (guint i = 0; i < n; i++)
    {
      g_string_append (text, "  ");
      append_string (text, names[i]);
      g_string_append_c (text, '=');
      append_string (text, g_hash_table_lookup (macros, names[i]));
      g_string_append_c (text, '\n');
    }
}

/* the line is complete: its macros follow */
static MilterStatus
print (GString *text, MilterClientContext *context)
{
  g_string_append_c (text, '\n');
  if (context != NULL)
    append_macros (text, context);
  fwrite (text->str, 1, text->len, stdout);
  g_string_free (text, TRUE);
  return MILTER_STATUS_CONTINUE;
}

/* Events. */

/* everything is to be seen: no event is asked away, no answer spared. What changes the message or
 * its envelope for us stays with the MTA. */
static MilterStatus
on_negotiate (MilterClientContext *context,
              MilterOption *option,
              MilterMacrosRequests *requests,
              gpointer data)
{
  const TestClientOptions *options = data;

  if (options->prints == TEST_CLIENT_PRINTS_EVENTS)
    {
      GString *text = begin ("negotiate", data);
      g_autofree char *actions = milter_utils_get_flags_names (MILTER_TYPE_ACTION_FLAGS,
                                                               milter_option_get_action (option));
      g_autofree char *steps
          = milter_utils_get_flags_names (MILTER_TYPE_STEP_FLAGS, milter_option_get_step (option));

      g_string_append_printf (text,
                              ": version=<%u>, action=<%s>, step=<%s>",
                              milter_option_get_version (option),
                              actions,
                              steps);
      print (text, context);
    }
  milter_option_set_step (option, milter_option_get_step (option) & MILTER_STEP_SKIP);
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_connect (MilterClientContext *context,
            const char *host,
            struct sockaddr *address,
            socklen_t size,
            gpointer data)
{
  GString *text = begin ("connect", data);
  g_autofree char *spec
      = address != NULL ? milter_connection_address_to_spec (address) : g_strdup ("unknown");

  g_string_append (text, ": host=<");
  append_string (text, host);
  g_string_append (text, ">, address=<");
  append_string (text, spec);
  g_string_append_c (text, '>');
  return print (text, context);
}

static MilterStatus
print_value (MilterClientContext *context,
             const char *name,
             const char *value,
             gsize size,
             gpointer data)
{
  GString *text = begin (name, data);

  g_string_append (text, ": <");
  append_text (text, value, size);
  g_string_append_c (text, '>');
  return print (text, context);
}

static MilterStatus
on_helo (MilterClientContext *context, const char *fqdn, gpointer data)
{
  return print_value (context, "helo", fqdn, strlen (fqdn), data);
}

/* an address has brackets of its own, as a rule; its ESMTP arguments follow */
static MilterStatus
print_address (MilterClientContext *context, const char *name, const char *address, gpointer data)
{
  GString *text = begin (name, data);
  g_auto (GStrv) arguments = milter_client_context_get_envelope_arguments (context);
  bool bracketed = address[0] == '<';

  g_string_append (text, bracketed ? ": " : ": <");
  append_string (text, address);
  if (!bracketed)
    g_string_append_c (text, '>');
  for (char **argument = arguments; argument != NULL && *argument != NULL; argument++)
    {
      g_string_append_c (text, ' ');
      append_string (text, *argument);
    }
  return print (text, context);
}

static MilterStatus
on_envelope_from (MilterClientContext *context, const char *from, gpointer data)
{
  return print_address (context, "envelope-from", from, data);
}

static MilterStatus
on_envelope_recipient (MilterClientContext *context, const char *recipient, gpointer data)
{
  return print_address (context, "envelope-recipient", recipient, data);
}

static MilterStatus
on_data (MilterClientContext *context, gpointer data)
{
  return print (begin ("data", data), context);
}

static MilterStatus
on_unknown (MilterClientContext *context, const char *command, gpointer data)
{
  return print_value (context, "unknown", command, strlen (command), data);
}

static MilterStatus
on_header (MilterClientContext *context, const char *name, const char *value, gpointer data)
{
  g_autofree char *field = g_strdup_printf ("%s: %s", name, value);

  return print_value (context, "header", field, strlen (field), data);
}

static MilterStatus
on_end_of_header (MilterClientContext *context, gpointer data)
{
  return print (begin ("end-of-header", data), context);
}

static MilterStatus
on_body (MilterClientContext *context, const char *chunk, gsize size, gpointer data)
{
  return print_value (context, "body", chunk, size, data);
}

static MilterStatus
on_end_of_message (MilterClientContext *context, const char *chunk, gsize size, gpointer data)
{
  if (size > 0)
    return print_value (context, "end-of-message", chunk, size, data);
  return print (begin ("end-of-message", data), context);
}

static MilterStatus
on_abort (MilterClientContext *context, MilterClientContextState state, gpointer data)
{
  return print (begin ("abort", data), context);
}

static const MilterClientHandlers handlers = {
  .negotiate = on_negotiate,
  .connect = on_connect,
  .helo = on_helo,
  .envelope_from = on_envelope_from,
  .envelope_recipient = on_envelope_recipient,
  .data = on_data,
  .unknown = on_unknown,
  .header = on_header,
  .end_of_header = on_end_of_header,
  .body = on_body,
  .end_of_message = on_end_of_message,
  .abort = on_abort,
};

/* quiet: all the same events come, and are passed over */
static const MilterClientHandlers quiet_handlers = {
  .negotiate = on_negotiate,
};

/* Connections. */

static char *
name_of (MilterClientContext *context)
{
  MilterGenericSocketAddress *address = milter_client_context_get_socket_address (context);

  /* a unix socket that connects has no path */
  if (address->base.sa_family == AF_UNIX)
    return g_strdup ("a unix socket");
  return milter_connection_address_to_spec (&address->base);
}

static void
on_finished (MilterClientContext *context, gpointer data)
{
  const TestClientOptions *options = data;

  if (options->prints == TEST_CLIENT_PRINTS_EVENTS)
    print (begin ("finished", data), NULL);
}

static void
on_error (MilterClientContext *context, GError *error, gpointer data)
{
  g_autofree char *name = name_of (context);

  tool_error ("connection from %s: %s", name, error->message);
}

static void
on_timeout (MilterClientContext *context, gpointer data)
{
  g_autofree char *name = name_of (context);

  tool_error ("connection from %s: nothing came for %u s; closed",
              name,
              milter_client_context_get_timeout (context));
}

static void
on_connection_established (MilterClient *client, MilterClientContext *context, gpointer data)
{
  const TestClientOptions *options = data;

  g_signal_connect (context, "finished", G_CALLBACK (on_finished), data);
  /* who judges tells them */
  if (!options->strict)
    g_signal_connect (context, "error", G_CALLBACK (on_error), data);
  g_signal_connect (context, "timeout", G_CALLBACK (on_timeout), data);
}

void
print_events_of (MilterClient *client, const TestClientOptions *options)
{
  bool shows = options->prints == TEST_CLIENT_PRINTS_EVENTS;

  milter_client_set_handlers (
      client, shows ? &handlers : &quiet_handlers, (gpointer) options, NULL);
  g_signal_connect (
      client, "connection-established", G_CALLBACK (on_connection_established), (gpointer) options);
}
