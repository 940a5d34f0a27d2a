/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server-driver.h: a program on top of a MilterServerContext that says a list of commands, one at
 * each answer, and notes all that it is told.
 */
#pragma once

#include <netinet/in.h>

#include "server-fixture.h"

/* --- a program that says a list of commands, one at each answer ------------------------------- */

static gboolean
say_one (Fixture *f, char command)
{
  MilterServerContext *context = f->context;
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (50443) };
  g_autofree char *body = g_strnfill (f->body_size, 'x');

  address.sin_addr.s_addr = htonl (0xc0000207);
  switch (command)
    {
    case 'O':
      return milter_server_context_negotiate (context, NULL);
    case 'C':
      return milter_server_context_connect (
          context, "client.example.com", (struct sockaddr *) &address, sizeof address);
    case 'H':
      return milter_server_context_helo (context, "client.example.com");
    case 'M':
      return milter_server_context_envelope_from (context, f->mail_from);
    case 'R':
      return milter_server_context_envelope_recipient (context, "<bob@example.net>");
    case 'T':
      return milter_server_context_data (context);
    case 'U':
      return milter_server_context_unknown (context, "FOO bar");
    case 'L':
      return milter_server_context_header (context, "Subject", "hello");
    case 'N':
      return milter_server_context_end_of_header (context);
    case 'B':
      return milter_server_context_body (context, body, f->body_size);
    case 'E':
      return milter_server_context_end_of_message (context, NULL, 0);
    case 'e':
      return milter_server_context_end_of_message (context, body, f->body_size);
    case 'A':
      return milter_server_context_abort (context);
    case 'Q':
      return milter_server_context_quit (context);
    default:
      cr_assert_fail ("no command %c", command);
      return FALSE;
    }
}

/* nothing is answered to A: the next one follows */
static void
say_next (Fixture *f)
{
  char command;

  do
    {
      command = *f->commands;
      if (command == '\0')
        return;
      f->commands++;
      say_one (f, command);
    }
  while (command == 'A');
}

static void
on_signal (Fixture *f, const char *name)
{
  g_string_append_printf (f->signals, "%s ", name);
}

static void
on_ready (MilterServerContext *context, Fixture *f)
{
  say_next (f);
}

static void
on_negotiated (MilterServerContext *context,
               MilterOption *option,
               MilterMacrosRequests *requests,
               Fixture *f)
{
  say_next (f);
}

static void
on_continue (MilterServerContext *context, Fixture *f)
{
  on_signal (f, "continue");
  say_next (f);
}

static void
on_skip (MilterServerContext *context, Fixture *f)
{
  on_signal (f, "skip");
  say_next (f);
}

#define NOTED(id, name)                                                                            \
  static void note_##id (MilterServerContext *context, Fixture *f) { on_signal (f, name); }
NOTED (accept, "accept")
NOTED (reject, "reject")
NOTED (temporary_failure, "temporary-failure")
NOTED (discard, "discard")
NOTED (progress, "progress")
NOTED (shutdown, "shutdown")
NOTED (connection_failure, "connection-failure")
NOTED (stopped, "stopped")
NOTED (connection_timeout, "connection-timeout")
NOTED (writing_timeout, "writing-timeout")
NOTED (reading_timeout, "reading-timeout")
NOTED (end_of_message_timeout, "end-of-message-timeout")

static void
on_reply_code (MilterServerContext *context,
               guint code,
               const char *extended,
               const char *text,
               Fixture *f)
{
  g_string_append_printf (f->signals, "%u[%s](%s) ", code, extended, text);
}

static void
on_add_header (MilterServerContext *context, const char *name, const char *value, Fixture *f)
{
  g_string_append_printf (f->signals, "add-header(%s,%s) ", name, value);
}

static void
on_insert_header (MilterServerContext *context,
                  guint index,
                  const char *name,
                  const char *value,
                  Fixture *f)
{
  g_string_append_printf (f->signals, "insert-header(%u,%s,%s) ", index, name, value);
}

static void
on_change_header (MilterServerContext *context,
                  const char *name,
                  guint index,
                  const char *value,
                  Fixture *f)
{
  g_string_append_printf (f->signals, "change-header(%s,%u,%s) ", name, index, value);
}

static void
on_delete_header (MilterServerContext *context, const char *name, guint index, Fixture *f)
{
  g_string_append_printf (f->signals, "delete-header(%s,%u) ", name, index);
}

static void
on_change_from (MilterServerContext *context, const char *from, const char *parameters, Fixture *f)
{
  g_string_append_printf (f->signals, "change-from(%s,%s) ", from, parameters);
}

static void
on_add_recipient (MilterServerContext *context,
                  const char *recipient,
                  const char *parameters,
                  Fixture *f)
{
  g_string_append_printf (
      f->signals, "add-recipient(%s,%s) ", recipient, parameters != NULL ? parameters : "-");
}

static void
on_delete_recipient (MilterServerContext *context, const char *recipient, Fixture *f)
{
  g_string_append_printf (f->signals, "delete-recipient(%s) ", recipient);
}

static void
on_replace_body (MilterServerContext *context, const char *body, gsize size, Fixture *f)
{
  g_string_append_printf (f->signals, "replace-body(%zu:%.*s) ", size, (int) size, body);
}

static void
on_quarantine (MilterServerContext *context, const char *reason, Fixture *f)
{
  g_string_append_printf (f->signals, "quarantine(%s) ", reason);
}

static void
on_error (MilterServerContext *context, GError *error, Fixture *f)
{
  cr_expect_eq (error->domain, MILTER_SERVER_CONTEXT_ERROR);
  on_signal (f, "error");
  g_free (f->error);
  f->error = g_strdup (error->message);
  f->error_code = error->code;
}

static void
on_finished (MilterServerContext *context, Fixture *f)
{
  cr_expect_not (f->finished, "finished twice");
  on_signal (f, "finished");
  f->finished = true;
}

static void
listen_to_all (Fixture *f)
{
  static const struct
  {
    const char *signal;
    GCallback handler;
  } rows[] = {
    { "ready", G_CALLBACK (on_ready) },
    { "negotiate-reply", G_CALLBACK (on_negotiated) },
    { "continue", G_CALLBACK (on_continue) },
    { "skip", G_CALLBACK (on_skip) },
    { "accept", G_CALLBACK (note_accept) },
    { "reject", G_CALLBACK (note_reject) },
    { "temporary-failure", G_CALLBACK (note_temporary_failure) },
    { "discard", G_CALLBACK (note_discard) },
    { "progress", G_CALLBACK (note_progress) },
    { "shutdown", G_CALLBACK (note_shutdown) },
    { "connection-failure", G_CALLBACK (note_connection_failure) },
    { "stopped", G_CALLBACK (note_stopped) },
    { "connection-timeout", G_CALLBACK (note_connection_timeout) },
    { "writing-timeout", G_CALLBACK (note_writing_timeout) },
    { "reading-timeout", G_CALLBACK (note_reading_timeout) },
    { "end-of-message-timeout", G_CALLBACK (note_end_of_message_timeout) },
    { "reply-code", G_CALLBACK (on_reply_code) },
    { "add-header", G_CALLBACK (on_add_header) },
    { "insert-header", G_CALLBACK (on_insert_header) },
    { "change-header", G_CALLBACK (on_change_header) },
    { "delete-header", G_CALLBACK (on_delete_header) },
    { "change-from", G_CALLBACK (on_change_from) },
    { "add-recipient", G_CALLBACK (on_add_recipient) },
    { "delete-recipient", G_CALLBACK (on_delete_recipient) },
    { "replace-body", G_CALLBACK (on_replace_body) },
    { "quarantine", G_CALLBACK (on_quarantine) },
    { "error", G_CALLBACK (on_error) },
    { "finished", G_CALLBACK (on_finished) },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    g_signal_connect (f->context, rows[i].signal, rows[i].handler, f);
}

static void
begin (Fixture *f, const Answer *answers, gsize n_answers, const char *commands)
{
  g_autoptr (GError) error = NULL;

  fixture_init (f, answers, n_answers);
  f->commands = commands;
  listen_to_all (f);
  cr_assert (milter_server_context_set_connection_spec (f->context, f->spec, &error));
}

static void
go (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  cr_assert (milter_server_context_establish_connection (f->context, &error),
             "%s",
             error != NULL ? error->message : "");
}

static void
run (Fixture *f, const Answer *answers, gsize n_answers, const char *commands)
{
  begin (f, answers, n_answers, commands);
  go (f);
  RUN_UNTIL (f->finished);
}

/* a milter that lets everything pass */
static const Answer passes[] = {
  ANSWER ('O', OPTIONS_ALL), ANSWER ('C', CONTINUE), ANSWER ('H', CONTINUE), ANSWER ('M', CONTINUE),
  ANSWER ('R', CONTINUE),    ANSWER ('T', CONTINUE), ANSWER ('L', CONTINUE), ANSWER ('N', CONTINUE),
  ANSWER ('B', CONTINUE),    ANSWER ('E', CONTINUE), ANSWER ('U', CONTINUE),
};

/* the same with other answers in front */
#define WITH(n, ...)                                                                               \
  Answer answers[n + G_N_ELEMENTS (passes)] = { __VA_ARGS__ };                                     \
  memcpy (answers + n, passes, sizeof passes)
