/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server-options.c: the command line of milter-test-server.
 *
 * The options of the run without a scenario, their short forms and their defaults are those of the
 * tool that this one follows: `-h` is --header there.
 */
#include "server-options.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mail-addresses.h"
#include "milter-connection-spec.h"
#include "tool-values.h"

/* no mail is longer; /dev/zero is */
#define MAX_MAIL_SIZE (512u * 1024 * 1024)

typedef bool (*SetFunc) (ServerOptions *options, const char *value, GError **error);

static bool G_GNUC_PRINTF (2, 3) bad_value (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_clear_error (error);
  if (error != NULL)
    *error = g_error_new_valist (G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, arguments);
  va_end (arguments);
  return false;
}

/* --- values of every run ---------------------------------------------------------------------- */

static bool
set_spec (ServerOptions *options, const char *value, GError **error)
{
  g_autoptr (MilterConnectionSpec) spec = milter_connection_spec_parse (value, error);

  if (spec == NULL)
    return false;
  g_ptr_array_add (options->specs, g_strdup (value));
  return true;
}

static bool
set_profile (ServerOptions *options, const char *value, GError **error)
{
  g_autoptr (GString) known = g_string_new (NULL);
  const MilterProfile *rows;
  gsize n;

  options->profile = milter_profile_get (value);
  if (options->profile != NULL)
    return true;
  rows = milter_profile_list (&n);
  for (gsize i = 0; i < n; i++)
    g_string_append_printf (known, "%s%s", i > 0 ? ", " : "", rows[i].name);
  return bad_value (error, "there is no MTA called \"%s\"; there are: %s", value, known->str);
}

static bool
set_color (ServerOptions *options, const char *value, GError **error)
{
  if (value == NULL)
    value = "yes";
  return tool_color_from_string (value, &options->color)
         || bad_value (error, "\"%s\" is none of auto, always, never, yes, no", value);
}

/* for every answer, the last one of a plain run's message included */
static bool
set_timeout (ServerOptions *options, const char *value, GError **error)
{
  if (!tool_parse_duration (value, &options->timeout_us, error))
    return false;
  options->reading_timeout_us = options->timeout_us;
  options->end_of_message_timeout_us = options->timeout_us;
  return true;
}

static bool
set_connection_timeout (ServerOptions *options, const char *value, GError **error)
{
  return tool_parse_duration (value, &options->connection_timeout_us, error);
}

static bool
set_writing_timeout (ServerOptions *options, const char *value, GError **error)
{
  return tool_parse_duration (value, &options->writing_timeout_us, error);
}

static bool
set_reading_timeout (ServerOptions *options, const char *value, GError **error)
{
  return tool_parse_duration (value, &options->reading_timeout_us, error);
}

static bool
set_end_of_message_timeout (ServerOptions *options, const char *value, GError **error)
{
  return tool_parse_duration (value, &options->end_of_message_timeout_us, error);
}

static bool
set_all_timeouts (ServerOptions *options, const char *value, GError **error)
{
  gint64 us;

  if (!tool_parse_duration (value, &us, error))
    return false;
  options->timeout_us = us;
  options->connection_timeout_us = us;
  options->writing_timeout_us = us;
  options->reading_timeout_us = us;
  options->end_of_message_timeout_us = us;
  return true;
}

/* --- values of the plain run ------------------------------------------------------------------ */

static bool
set_version (ServerOptions *options, const char *value, GError **error)
{
  guint64 number;

  if (!tool_parse_number (
          value, MILTER_PROTOCOL_VERSION_MIN, MILTER_PROTOCOL_VERSION_MAX, &number, error))
    return false;
  options->version = (guint) number;
  return true;
}

/* the first address of a name; an address is its own */
static char *
look_up (const char *host, bool wants_inet6, GError **error)
{
  struct addrinfo hints
      = { .ai_family = wants_inet6 ? AF_INET6 : AF_INET, .ai_socktype = SOCK_STREAM };
  struct addrinfo *found = NULL;
  char text[NI_MAXHOST];
  int failure;

  if (g_hostname_is_ip_address (host))
    return g_strdup (host);
  failure = getaddrinfo (host, /* service= */ NULL, &hints, &found);
  if (failure == 0)
    failure = getnameinfo (
        found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
  if (found != NULL)
    freeaddrinfo (found);
  if (failure == 0)
    return g_strdup (text);
  bad_value (error,
             "no %s address of %s: %s",
             wants_inet6 ? "IPv6" : "IPv4",
             host,
             failure == EAI_SYSTEM ? g_strerror (errno) : gai_strerror (failure));
  return NULL;
}

static bool
set_connect_address (ServerOptions *options, const char *value, GError **error)
{
  g_autoptr (MilterConnectionSpec) spec = milter_connection_spec_parse (value, error);
  bool is_inet6;
  char *address;

  if (spec == NULL)
    return false;
  is_inet6 = spec->kind == MILTER_CONNECTION_KIND_INET6;
  if (spec->kind == MILTER_CONNECTION_KIND_UNIX)
    address = g_strdup_printf ("unix:%s", spec->path);
  else if (spec->host == NULL)
    address = g_strdup (is_inet6 ? "::1" : "127.0.0.1");
  else
    address = look_up (spec->host, is_inet6, error);
  if (address == NULL)
    return false;
  g_free (options->connect_address);
  options->connect_address = address;
  options->connect_port = spec->port;
  return true;
}

static bool
set_from (ServerOptions *options, const char *value, GError **error)
{
  g_free (options->envelope_from);
  options->envelope_from = mail_address_bracket (value);
  return true;
}

static bool
add_recipient (ServerOptions *options, const char *value, GError **error)
{
  g_ptr_array_add (options->recipients, mail_address_bracket (value));
  return true;
}

/* what stands before and behind the first colon */
static bool
split_pair (const char *value, char **name, const char **rest, GError **error)
{
  const char *colon = strchr (value, ':');

  if (colon == NULL || colon == value)
    return bad_value (error, "\"%s\" is not NAME:VALUE", value);
  *name = g_strndup (value, (gsize) (colon - value));
  *rest = colon + 1;
  return true;
}

/* The value stands one blank behind the colon, as in any mail, whether it was written or not. */
static bool
add_header (ServerOptions *options, const char *value, GError **error)
{
  g_autofree char *name = NULL;
  g_autofree char *text = NULL;
  const char *rest;

  if (!split_pair (value, &name, &rest, error))
    return false;
  text = rest[0] == ' ' || rest[0] == '\t' ? g_strdup (rest) : g_strdup_printf (" %s", rest);
  milter_mail_append_header (options->mail,
                             milter_bytes_from_string (name),
                             milter_bytes_from_string (text),
                             /* hidden= */ FALSE);
  return true;
}

static bool
add_body (ServerOptions *options, const char *value, GError **error)
{
  milter_mail_append_body (options->mail, milter_bytes_from_string (value));
  options->has_body = true;
  return true;
}

/* --- mail files ------------------------------------------------------------------------------- */

static bool
read_all (int fd, const char *path, GByteArray *content, GError **error)
{
  guint8 buffer[65536];
  gssize n;

  while ((n = read (fd, buffer, sizeof buffer)) != 0)
    {
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return bad_value (error, "%s cannot be read: %s", path, g_strerror (errno));
      if (content->len + (gsize) n > MAX_MAIL_SIZE)
        return bad_value (error, "%s is longer than %u bytes", path, MAX_MAIL_SIZE);
      g_byte_array_append (content, buffer, (guint) n);
    }
  return true;
}

static bool
read_file (const char *path, GByteArray *content, GError **error)
{
  int fd;
  bool read;

  if (strcmp (path, "-") == 0)
    return read_all (STDIN_FILENO, "the standard input", content, error);
  fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return bad_value (error, "%s cannot be read: %s", path, g_strerror (errno));
  read = read_all (fd, path, content, error);
  close (fd);
  return read;
}

/* Fields and body go behind what other options have given before. */
static bool
add_mail_file (ServerOptions *options, const char *value, GError **error)
{
  g_autoptr (GByteArray) content = g_byte_array_new ();
  g_autoptr (MilterMail) mail = milter_mail_new ();

  if (!read_file (value, content, error))
    return false;
  milter_mail_parse (mail, milter_bytes (content->data, content->len));
  for (guint i = 0; i < mail->headers->len; i++)
    {
      const MilterMailHeader *header = g_ptr_array_index (mail->headers, i);

      milter_mail_append_header (options->mail,
                                 milter_bytes (header->name->str, header->name->len),
                                 milter_bytes (header->value->str, header->value->len),
                                 /* hidden= */ FALSE);
    }
  milter_mail_append_body (options->mail, milter_bytes (mail->body->data, mail->body->len));
  options->has_body = true;
  return true;
}

/* --- macros ----------------------------------------------------------------------------------- */

static void
add_macro (ServerOptions *options, guint8 command, const char *name, const char *value)
{
  ServerMacro *macro = g_new0 (ServerMacro, 1);

  macro->command = command;
  macro->name
      = strlen (name) > 1 && name[0] != '{' ? g_strdup_printf ("{%s}", name) : g_strdup (name);
  macro->value = g_strdup (value);
  g_ptr_array_add (options->macros, macro);
}

static void
server_macro_free (ServerMacro *macro)
{
  g_free (macro->name);
  g_free (macro->value);
  g_free (macro);
}

/* --…-macro NAME:VALUE, by the option's name */
static const struct
{
  const char *option;
  guint8 command;
} macro_options[] = {
  { "--connect-macro", MILTER_COMMAND_CONNECT },
  { "--helo-macro", MILTER_COMMAND_HELO },
  { "--envelope-from-macro", MILTER_COMMAND_ENVELOPE_FROM },
  { "--envelope-recipient-macro", MILTER_COMMAND_ENVELOPE_RECIPIENT },
  { "--data-macro", MILTER_COMMAND_DATA },
  { "--end-of-header-macro", MILTER_COMMAND_END_OF_HEADER },
  { "--end-of-message-macro", MILTER_COMMAND_END_OF_MESSAGE },
};

/* --authenticated-…: macros of MAIL */
static const struct
{
  const char *option;
  const char *macro;
} authentication_options[] = {
  { "--authenticated-name", "{auth_authen}" },
  { "--authenticated-type", "{auth_type}" },
  { "--authenticated-author", "{auth_author}" },
};

static bool
set_macro (ServerOptions *options, const char *option, const char *value, GError **error)
{
  g_autofree char *name = NULL;
  const char *rest;

  for (gsize i = 0; i < G_N_ELEMENTS (authentication_options); i++)
    {
      if (strcmp (option, authentication_options[i].option) == 0)
        {
          add_macro (options, MILTER_COMMAND_ENVELOPE_FROM, authentication_options[i].macro, value);
          return true;
        }
    }
  if (!split_pair (value, &name, &rest, error))
    return false;
  for (gsize i = 0; i < G_N_ELEMENTS (macro_options); i++)
    {
      if (strcmp (option, macro_options[i].option) == 0)
        add_macro (options, macro_options[i].command, name, rest);
    }
  return true;
}

static gboolean
on_macro (const char *option, const char *value, gpointer data, GError **error)
{
  ServerOptions *options = data;

  options->plain_option = g_intern_string (option);
  if (set_macro (options, option, value, error))
    return TRUE;
  g_prefix_error (error, "%s: ", option);
  return FALSE;
}

/* --- the table -------------------------------------------------------------------------------- */

/* options with a value that is read by a function; plain: of the run without a scenario */
static const struct
{
  const char *option;
  const char *alias; /* (nullable) */
  bool plain;
  SetFunc set;
} setters[] = {
  { "--connection-spec", "-s", false, set_spec },
  { "--mta", NULL, false, set_profile },
  { "--color", NULL, false, set_color },
  { "--timeout", NULL, false, set_timeout },
  { "--connection-timeout", NULL, false, set_connection_timeout },
  { "--writing-timeout", NULL, false, set_writing_timeout },
  { "--reading-timeout", NULL, true, set_reading_timeout },
  { "--end-of-message-timeout", NULL, true, set_end_of_message_timeout },
  { "--all-timeouts", NULL, false, set_all_timeouts },
  { "--negotiate-version", NULL, true, set_version },
  { "--connect-address", NULL, true, set_connect_address },
  { "--envelope-from", "-f", true, set_from },
  { "--from", NULL, true, set_from },
  { "--envelope-recipient", "-r", true, add_recipient },
  { "--recipient", NULL, true, add_recipient },
  { "--header", "-h", true, add_header },
  { "--body", "-b", true, add_body },
  { "--mail-file", "-m", true, add_mail_file },
};

static gboolean
on_value (const char *option, const char *value, gpointer data, GError **error)
{
  ServerOptions *options = data;

  for (gsize i = 0; i < G_N_ELEMENTS (setters); i++)
    {
      if (strcmp (option, setters[i].option) != 0 && g_strcmp0 (option, setters[i].alias) != 0)
        continue;
      if (setters[i].plain)
        options->plain_option = setters[i].option;
      if (setters[i].set (options, value, error))
        return TRUE;
      /* who types -h may have wanted help */
      g_prefix_error (error, "%s: ", strcmp (option, "-h") == 0 ? "-h (--header)" : option);
      return FALSE;
    }
  g_assert_not_reached ();
}

#define VALUE(long_, short_, text, hint)                                                           \
  {                                                                                                \
    long_, short_, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, (gpointer) on_value, text, hint  \
  }
#define HIDDEN(long_)                                                                              \
  {                                                                                                \
    long_, 0, G_OPTION_FLAG_FILENAME | G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_CALLBACK,                \
        (gpointer) on_value, NULL, NULL                                                            \
  }
#define MACRO(long_, text, hint)                                                                   \
  {                                                                                                \
    long_, 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, (gpointer) on_macro, text, hint       \
  }
#define TEXT(long_, text, hint, where)                                                             \
  {                                                                                                \
    long_, 0, 0, G_OPTION_ARG_FILENAME, where, text, hint                                          \
  }
#define FLAG(long_, short_, text, where)                                                           \
  {                                                                                                \
    long_, short_, 0, G_OPTION_ARG_NONE, where, text, NULL                                         \
  }

/* what GLib can set itself */
typedef struct
{
  gboolean version, verbose, quiet, output_message;
} Flags;

static GOptionContext *
make_context (ServerOptions *options, Flags *flags)
{
  /* clang-format off */
  const GOptionEntry common[] = {
    VALUE ("connection-spec", 's', "the milter; several make a chain", "SPEC"),
    VALUE ("mta", 0, "the MTA that is played: postfix, sendmail, plain or exact", "NAME"),
    VALUE ("timeout", 0, "how long to wait for an answer (30s)", "TIME"),
    VALUE ("connection-timeout", 0, "how long to wait for the connection (300s)", "TIME"),
    VALUE ("writing-timeout", 0, "how long the milter may leave what was sent unread (10s)", "TIME"),
    VALUE ("all-timeouts", 0, "all time limits", "TIME"),
    { "color", 0, G_OPTION_FLAG_OPTIONAL_ARG | G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK,
      (gpointer) on_value, "colours: auto, always, never, yes or no", "WHEN" },
    FLAG ("verbose", 'v', "show what is said, > to the milter and < from it", &flags->verbose),
    FLAG ("quiet", 'q', "show what went wrong only", &flags->quiet),
    FLAG ("version", 0, "show the version and end", &flags->version),
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->paths, NULL, "[SCENARIO|FOLDER…]" },
    { NULL }
  };
  const GOptionEntry plain[] = {
    TEXT ("name", "what the session is called", "NAME", &options->name),
    VALUE ("negotiate-version", 0, "the protocol version to offer, 2 to 6 (6)", "VERSION"),
    TEXT ("connect-host", "the client's name (mx.example.net)", "NAME", &options->connect_host),
    VALUE ("connect-address", 0, "the client's address (inet:50443@[192.168.123.123])", "SPEC"),
    TEXT ("helo-fqdn", "the name in HELO (delian)", "NAME", &options->helo_fqdn),
    VALUE ("envelope-from", 'f', "the sender (sender@example.com)", "ADDRESS"),
    VALUE ("envelope-recipient", 'r', "a recipient (receiver@example.org); may be repeated", "ADDRESS"),
    VALUE ("header", 'h', "a header field; may be repeated", "NAME:VALUE"),
    VALUE ("body", 'b', "a piece of the body; may be repeated", "TEXT"),
    TEXT ("unknown", "an SMTP command that the MTA does not know", "COMMAND", &options->unknown),
    VALUE ("mail-file", 'm', "header and body from a file, - is the standard input", "PATH"),
    MACRO ("connect-macro", "a macro at connect; may be repeated, as the others", "NAME:VALUE"),
    MACRO ("helo-macro", "a macro at HELO", "NAME:VALUE"),
    MACRO ("envelope-from-macro", "a macro at MAIL", "NAME:VALUE"),
    MACRO ("envelope-recipient-macro", "a macro at RCPT", "NAME:VALUE"),
    MACRO ("data-macro", "a macro at DATA", "NAME:VALUE"),
    MACRO ("end-of-header-macro", "a macro at the end of the header", "NAME:VALUE"),
    MACRO ("end-of-message-macro", "a macro at the end of the message", "NAME:VALUE"),
    MACRO ("authenticated-name", "who the client is: {auth_authen}", "NAME"),
    MACRO ("authenticated-type", "how that is known: {auth_type}", "TYPE"),
    MACRO ("authenticated-author", "for whom the client speaks: {auth_author}", "NAME"),
    VALUE ("reading-timeout", 0, "how long to wait for an answer (10s)", "TIME"),
    VALUE ("end-of-message-timeout", 0, "how long to wait for the last answer (300s)", "TIME"),
    FLAG ("output-message", 0, "show the message before and after", &flags->output_message),
    TEXT ("save-message", "write the message as it would be delivered to a file", "PATH", &options->save_message),
    HIDDEN ("from"),
    HIDDEN ("recipient"),
    { NULL }
  };
  /* clang-format on */
  GOptionContext *context = g_option_context_new (NULL);
  GOptionGroup *group = g_option_group_new ("main", NULL, NULL, options, /* destroy= */ NULL);

  g_option_group_add_entries (group, common);
  g_option_group_add_entries (group, plain);
  g_option_context_set_main_group (context, group);
  g_option_context_set_summary (
      context,
      "Plays the MTA: sends what SCENARIO files say to a milter and judges its answers. Without a\n"
      "scenario, one message that the options describe. SPEC is unix:PATH, inet:PORT@HOST or\n"
      "inet6:PORT@HOST; TIME is 200ms, 1.5s, 2m or a number of seconds, 0 for no limit.");
  g_option_context_set_description (
      context,
      "Without -f and -r, sender and recipients are those of From and To of the mail file.\n\n"
      "Exit status: 0 all held; 1 an expectation failed, or the message was refused; 2 wrong "
      "usage,\n"
      "or a scenario that cannot be read; 3 the milter could not be reached, died, was silent or\n"
      "broke the protocol; 77 everything was skipped.");
  return context;
}

/* --- defaults --------------------------------------------------------------------------------- */

static const char sample_body[] = "This is a message that was made to test a mail filter.\r\n"
                                  "It has four lines, and nobody is meant to read it.\r\n"
                                  "If it reached you all the same,\r\n"
                                  "somebody has tested with a real address.\r\n";

static const MilterMailHeader *
find_header (const MilterMail *mail, const char *name)
{
  for (guint i = 0; i < mail->headers->len; i++)
    {
      const MilterMailHeader *header = g_ptr_array_index (mail->headers, i);

      if (milter_bytes_equal_caseless (milter_bytes (header->name->str, header->name->len),
                                       milter_bytes_from_string (name)))
        return header;
    }
  return NULL;
}

static void
take_addresses_of (GPtrArray *into, const MilterMail *mail, const char *name)
{
  for (guint i = 0; i < mail->headers->len; i++)
    {
      const MilterMailHeader *header = g_ptr_array_index (mail->headers, i);

      if (milter_bytes_equal_caseless (milter_bytes (header->name->str, header->name->len),
                                       milter_bytes_from_string (name)))
        {
          g_autoptr (GPtrArray) found
              = mail_addresses_parse (milter_bytes (header->value->str, header->value->len));

          for (guint k = 0; k < found->len; k++)
            g_ptr_array_add (into, g_strdup (g_ptr_array_index (found, k)));
        }
    }
}

static void
add_address_header (MilterMail *mail, const char *name, const char *address)
{
  g_autofree char *value = NULL;

  if (find_header (mail, name) != NULL)
    return;
  value = g_strdup_printf (" %.*s", (int) mail_address_size (address), address);
  milter_mail_append_header (mail,
                             milter_bytes_from_string (name),
                             milter_bytes_from_string (value),
                             /* hidden= */ FALSE);
}

static void
set_default (char **where, const char *value)
{
  if (*where == NULL)
    *where = g_strdup (value);
}

static void
complete (ServerOptions *options)
{
  g_autoptr (GPtrArray) senders = g_ptr_array_new_with_free_func (g_free);

  set_default (&options->connect_host, "mx.example.net");
  if (options->connect_address == NULL)
    {
      options->connect_address = g_strdup ("192.168.123.123");
      options->connect_port = 50443;
    }
  set_default (&options->helo_fqdn, "delian");
  set_default (&options->name, "message");

  take_addresses_of (senders, options->mail, "From");
  set_default (&options->envelope_from,
               senders->len > 0 ? g_ptr_array_index (senders, 0) : "<sender@example.com>");
  if (options->recipients->len == 0)
    take_addresses_of (options->recipients, options->mail, "To");
  if (options->recipients->len == 0)
    g_ptr_array_add (options->recipients, g_strdup ("<receiver@example.org>"));
  add_address_header (options->mail, "From", options->envelope_from);
  add_address_header (options->mail, "To", g_ptr_array_index (options->recipients, 0));
  if (!options->has_body)
    milter_mail_append_body (options->mail, milter_bytes_from_string (sample_body));
}

/* --- all of it -------------------------------------------------------------------------------- */

static ServerOptions *
server_options_new (void)
{
  ServerOptions *options = g_new0 (ServerOptions, 1);

  options->specs = g_ptr_array_new_with_free_func (g_free);
  options->recipients = g_ptr_array_new_with_free_func (g_free);
  options->macros = g_ptr_array_new_with_free_func ((GDestroyNotify) server_macro_free);
  options->mail = milter_mail_new ();
  options->version = MILTER_PROTOCOL_VERSION_MAX;
  options->timeout_us = -1;
  options->connection_timeout_us = 300 * G_TIME_SPAN_SECOND;
  options->writing_timeout_us = 10 * G_TIME_SPAN_SECOND;
  options->reading_timeout_us = 10 * G_TIME_SPAN_SECOND;
  options->end_of_message_timeout_us = 300 * G_TIME_SPAN_SECOND;
  return options;
}

void
server_options_free (ServerOptions *options)
{
  if (options == NULL)
    return;
  g_ptr_array_unref (options->specs);
  g_ptr_array_unref (options->recipients);
  g_ptr_array_unref (options->macros);
  milter_mail_free (options->mail);
  g_strfreev (options->paths);
  g_free (options->name);
  g_free (options->connect_host);
  g_free (options->connect_address);
  g_free (options->helo_fqdn);
  g_free (options->envelope_from);
  g_free (options->unknown);
  g_free (options->save_message);
  g_free (options);
}

/* GLib takes the word behind a bare `--color` for its value, which would swallow a scenario. */
static void
complete_color (char **argv)
{
  ToolColor color;

  for (char **word = argv; *word != NULL; word++)
    {
      if (strcmp (*word, "--") == 0)
        return;
      if (strcmp (*word, "--color") == 0
          && (word[1] == NULL || !tool_color_from_string (word[1], &color)))
        {
          g_free (*word);
          *word = g_strdup ("--color=yes");
        }
    }
}

/* what options say together */
static bool
check_together (ServerOptions *options, const Flags *flags)
{
  const char *plain = options->plain_option;

  if (options->specs->len == 0)
    {
      tool_usage_error ("no milter to speak with: say where it listens, as -s unix:PATH or "
                        "-s inet:PORT@HOST");
      return false;
    }
  if (options->verbose && options->quiet)
    {
      tool_usage_error ("--verbose and --quiet do not go together");
      return false;
    }
  if (options->paths == NULL)
    return true;
  if (flags->output_message)
    plain = "--output-message";
  else if (options->save_message != NULL)
    plain = "--save-message";
  else if (options->name != NULL)
    plain = "--name";
  else if (options->connect_host != NULL)
    plain = "--connect-host";
  else if (options->helo_fqdn != NULL)
    plain = "--helo-fqdn";
  else if (options->unknown != NULL)
    plain = "--unknown";
  if (plain == NULL)
    return true;
  tool_usage_error ("%s describes the one message of a run without a scenario; in \"%s\" the "
                    "scenario says it",
                    plain,
                    options->paths[0]);
  return false;
}

/* `-h` alone is what people type who want help */
static bool
ends_in_h (char **argv)
{
  guint n = g_strv_length (argv);

  return n > 1 && strcmp (argv[n - 1], "-h") == 0;
}

ServerOptions *
server_options_parse (int argc, char **argv, ToolExit *status)
{
  g_autoptr (ServerOptions) options = server_options_new ();
  g_autoptr (GOptionContext) context = NULL;
  g_auto (GStrv) words = g_strdupv (argv);
  g_autoptr (GError) error = NULL;
  bool wants_help = ends_in_h (words);
  Flags flags = { FALSE, FALSE, FALSE, FALSE };

  *status = TOOL_EXIT_USAGE;
  complete_color (words);
  context = make_context (options, &flags);
  if (!g_option_context_parse_strv (context, &words, &error))
    {
      if (wants_help)
        tool_error ("-h is --header and needs NAME:VALUE; --help tells the options");
      else
        tool_usage_error ("%s", error->message);
      return NULL;
    }
  if (flags.version)
    {
      printf ("%s %s\n", g_get_prgname (), MILTERLAB_VERSION);
      *status = TOOL_EXIT_OK;
      return NULL;
    }
  options->verbose = flags.verbose;
  options->quiet = flags.quiet;
  options->output_message = flags.output_message;
  if (!check_together (options, &flags))
    return NULL;
  complete (options);
  *status = TOOL_EXIT_OK;
  return g_steal_pointer (&options);
}
