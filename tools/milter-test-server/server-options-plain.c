/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server-options-plain.c: options of the run without a scenario: the one message.
 *
 * Their names, short forms and defaults are those of the tool that this one follows: `-h` is --header there.
 */
#include "server-options-private.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include "mail-addresses.h"
#include "milter-connection-spec.h"
#include "milter-esmtp-private.h"
#include "milter-read-all.h"
#include "tool-values.h"

/* no mail is longer; /dev/zero is */
#define MAX_MAIL_SIZE (512u * 1024 * 1024)

/* connections at once; more need more open files than a process may have */
#define MAX_THREADS 1000

static bool
set_version (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
{
  guint64 number;

  if (!tool_parse_number (
          value, MILTER_PROTOCOL_VERSION_MIN, MILTER_PROTOCOL_VERSION_MAX, &number, error))
    return false;
  options->version = (guint) number;
  return true;
}

static bool
set_threads (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
{
  guint64 number;

  if (!tool_parse_number (value, 0, MAX_THREADS, &number, error))
    return false;
  options->threads = (guint) number;
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
  server_option_refuse (error,
             "no %s address of %s: %s",
             wants_inet6 ? "IPv6" : "IPv4",
             host,
             failure == EAI_SYSTEM ? g_strerror (errno) : gai_strerror (failure));
  return NULL;
}

static bool
set_connect_address (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
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
set_from (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
{
  g_free (options->envelope_from);
  options->envelope_from = mail_address_bracket (value);
  return true;
}

static bool
add_recipient (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
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
    return server_option_refuse (error, "\"%s\" is not NAME:VALUE", value);
  *name = g_strndup (value, (gsize) (colon - value));
  *rest = colon + 1;
  return true;
}

/* The value stands one blank behind the colon, as in any mail, whether it was written or not. */
static bool
add_header (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
{
  g_autofree char *name = NULL;
  g_autofree char *text = NULL;
  const char *rest = NULL;

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
add_body (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
{
  milter_mail_append_body (options->mail, milter_bytes_from_string (value));
  options->has_body = true;
  return true;
}

/* --- mail files ------------------------------------------------------------------------------- */

/* a FIFO or a device may be meant: `-m <(program)` */
static bool
read_mail (int fd, const char *path, GByteArray *content, GError **error)
{
  int failure = milter_read_all (fd, MAX_MAIL_SIZE, content);

  if (failure == 0)
    return true;
  if (failure == EFBIG)
    return server_option_refuse (error, "%s is longer than %u bytes", path, MAX_MAIL_SIZE);
  return server_option_refuse (error, "%s cannot be read: %s", path, g_strerror (failure));
}

static bool
read_file (const char *path, GByteArray *content, GError **error)
{
  int fd;
  bool read;

  if (strcmp (path, "-") == 0)
    return read_mail (STDIN_FILENO, "the standard input", content, error);
  fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return server_option_refuse (error, "%s cannot be read: %s", path, g_strerror (errno));
  read = read_mail (fd, path, content, error);
  close (fd);
  return read;
}

/* As an MTA has it, what does not begin with a field is body from its first line: seldom what was meant, if it
 * does not begin with the empty line of a mail without a header. A byte order mark is enough. */
static void
note_missing_header (const MilterMail *mail, const char *path, const GByteArray *content)
{
  if (mail->headers->len == 0 && content->len > 0 && content->data[0] != '\n'
      && content->data[0] != '\r')
    tool_error ("-m: %s begins with no header field, so that all of it is body", path);
}

/* Fields and body go behind what other options have given before. */
static bool
add_mail_file (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
{
  g_autoptr (GByteArray) content = g_byte_array_new ();
  g_autoptr (MilterMail) mail = milter_mail_new ();

  if (!read_file (value, content, error))
    return false;
  milter_mail_parse (mail, milter_bytes (content->data, content->len));
  note_missing_header (mail, value, content);
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

/* long names travel in braces, a letter without, however they are written */
static char *
macro_name_on_wire (const char *name)
{
  gsize size = strlen (name);
  bool braced = size > 2 && name[0] == '{' && name[size - 1] == '}';

  if (braced && size == 3)
    return g_strndup (name + 1, 1);
  return braced || size == 1 ? g_strdup (name) : g_strdup_printf ("{%s}", name);
}

static void
add_macro (ServerOptions *options, guint8 command, const char *name, const char *value)
{
  ServerMacro *macro = g_new0 (ServerMacro, 1);

  macro->command = command;
  macro->name = macro_name_on_wire (name);
  macro->value = g_strdup (value);
  g_ptr_array_add (options->macros, macro);
}

void
server_macro_free (ServerMacro *macro)
{
  g_free (macro->name);
  g_free (macro->value);
  g_free (macro);
}

/* braces are around the name or nowhere */
static bool
is_macro_name (const char *name)
{
  const char *brace = strpbrk (name, "{}");
  gsize size = strlen (name);

  return brace == NULL
         || (size > 2 && name[0] == '{' && strcspn (name + 1, "{}") == size - 2
             && name[size - 1] == '}');
}

/* --…-macro NAME:VALUE, and --authenticated-… VALUE */
static bool
set_macro (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
{
  g_autofree char *name = NULL;
  const char *rest = NULL;

  if (row->macro != NULL)
    {
      add_macro (options, row->command, row->macro, value);
      return true;
    }
  if (!split_pair (value, &name, &rest, error))
    return false;
  if (!is_macro_name (name))
    return server_option_refuse (error, "\"%s\": braces go around a macro's name", name);
  add_macro (options, row->command, name, rest);
  return true;
}

/* --- the table -------------------------------------------------------------------------------- */

#define MEMBER(name) G_STRUCT_OFFSET (ServerOptions, name)

/* clang-format off */
static const ServerOptionRow rows[] = {
  { "name", 0, "NAME", server_option_set_text, "what the session is called", MEMBER (name) },
  { "negotiate-version", 0, "VERSION", set_version, "the protocol version to offer, 2 to 6 (6)" },
  { "connect-host", 0, "NAME", server_option_set_text, "the client's name (mx.example.net)", MEMBER (connect_host) },
  { "connect-address", 0, "SPEC", set_connect_address, "the client's address (inet:50443@[192.168.123.123])" },
  { "helo-fqdn", 0, "NAME", server_option_set_text, "the name in HELO (delian)", MEMBER (helo_fqdn) },
  { "envelope-from", 'f', "ADDRESS", set_from, "the sender (sender@example.com)" },
  { "envelope-recipient", 'r', "ADDRESS", add_recipient, "a recipient (receiver@example.org); may be repeated" },
  { "header", 'h', "NAME:VALUE", add_header, "a header field; may be repeated" },
  { "body", 'b', "TEXT", add_body, "a piece of the body; may be repeated" },
  { "unknown", 0, "COMMAND", server_option_set_text, "an SMTP command that the MTA does not know", MEMBER (unknown) },
  { "mail-file", 'm', "PATH", add_mail_file, "header and body from a file, - is the standard input" },
  { "connect-macro", 0, "NAME:VALUE", set_macro, "a macro at connect; may be repeated, as the others",
    .command = MILTER_COMMAND_CONNECT },
  { "helo-macro", 0, "NAME:VALUE", set_macro, "a macro at HELO", .command = MILTER_COMMAND_HELO },
  { "envelope-from-macro", 0, "NAME:VALUE", set_macro, "a macro at MAIL", .command = MILTER_COMMAND_ENVELOPE_FROM },
  { "envelope-recipient-macro", 0, "NAME:VALUE", set_macro, "a macro at RCPT",
    .command = MILTER_COMMAND_ENVELOPE_RECIPIENT },
  { "data-macro", 0, "NAME:VALUE", set_macro, "a macro at DATA", .command = MILTER_COMMAND_DATA },
  { "end-of-header-macro", 0, "NAME:VALUE", set_macro, "a macro at the end of the header",
    .command = MILTER_COMMAND_END_OF_HEADER },
  { "end-of-message-macro", 0, "NAME:VALUE", set_macro, "a macro at the end of the message",
    .command = MILTER_COMMAND_END_OF_MESSAGE },
  { "authenticated-name", 0, "NAME", set_macro, "who the client is: {auth_authen}",
    .command = MILTER_COMMAND_ENVELOPE_FROM, .macro = "{auth_authen}" },
  { "authenticated-type", 0, "TYPE", set_macro, "how that is known: {auth_type}",
    .command = MILTER_COMMAND_ENVELOPE_FROM, .macro = "{auth_type}" },
  { "authenticated-author", 0, "NAME", set_macro, "for whom the client speaks: {auth_author}",
    .command = MILTER_COMMAND_ENVELOPE_FROM, .macro = "{auth_author}" },
  { "reading-timeout", 0, "TIME", server_option_set_duration, "how long to wait for an answer (10s)",
    MEMBER (reading_timeout_us) },
  { "end-of-message-timeout", 0, "TIME", server_option_set_duration, "how long to wait for the last answer (300s)",
    MEMBER (end_of_message_timeout_us) },
  { "output-message", 0, NULL, server_option_set_flag, "show the message before and after", MEMBER (output_message) },
  { "save-message", 0, "PATH", server_option_set_text, "write the message as it would be delivered to a file",
    MEMBER (save_message) },
  { "threads", 't', "N", set_threads, "send the message on so many connections at once (0: on one)" },
  /* older names of two options */
  { "from", 0, "ADDRESS", set_from, "the same as --envelope-from", .show = SERVER_OPTION_HIDDEN },
  { "recipient", 0, "ADDRESS", add_recipient, "the same as --envelope-recipient", .show = SERVER_OPTION_HIDDEN },
};
/* clang-format on */

const ServerOptionTable server_options_plain
    = { SERVER_RUN_PLAIN, rows, G_N_ELEMENTS (rows) };

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
  value = g_strdup_printf (" %.*s", (int) _milter_esmtp_address_size (address), address);
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

void
server_options_complete_message (ServerOptions *options)
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
