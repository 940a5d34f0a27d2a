/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-server-port.c: frames are passed on unjudged.
 */
#include "milter-server-port-private.h"
#include "server-fixture.h"

typedef struct
{
  MilterServerPort *port; /* NULL: closed */
  GString *events;
  bool over;
} Seen;

static void
on_port_ready (MilterServerPort *port, const GError *error, gpointer data)
{
  Seen *seen = data;

  g_string_append (seen->events, error == NULL ? "ready " : "unreachable ");
  seen->over = error != NULL;
  _milter_server_port_send (port, milter_bytes ("\0\0\0\1Z", 5));
}

static void
on_port_message (MilterServerPort *port, const MilterMessage *message, gpointer data)
{
  Seen *seen = data;

  g_string_append_printf (seen->events,
                          "%c%zu%s ",
                          message->letter,
                          message->payload.size,
                          message->fault == MILTER_NO_FAULT ? "" : "!");
}

static void
on_port_garbage (MilterServerPort *port, const GError *error, MilterBytes head, gpointer data)
{
  Seen *seen = data;

  g_string_append_printf (seen->events, "garbage(%.*s) ", (int) head.size, head.data);
  seen->over = true;
}

static void
on_port_ended (MilterServerPort *port, gboolean reset, MilterBytes leftover, gpointer data)
{
  Seen *seen = data;

  g_string_append_printf (seen->events, "ended(%zu) ", leftover.size);
  seen->over = true;
}

static void
on_port_stalled (MilterServerPort *port, gpointer data)
{
  Seen *seen = data;

  g_string_append (seen->events, "stalled ");
  seen->over = true;
}

static void
on_port_settled (MilterServerPort *port, gpointer data)
{
  GString *events = ((Seen *) data)->events;

  if (!g_str_has_suffix (events->str, ". "))
    g_string_append (events, ". ");
}

static const MilterServerPortHandlers handlers = {
  .ready = on_port_ready,
  .message = on_port_message,
  .settled = on_port_settled,
  .garbage = on_port_garbage,
  .ended = on_port_ended,
  .stalled = on_port_stalled,
};

static void
begin (Fixture *f, Seen *seen, const Answer *answers, gsize n_answers)
{
  fixture_init (f, answers, n_answers);
  *seen = (Seen){ .events = g_string_new (NULL) };
  seen->port = _milter_server_port_new (
      f->spec,
      &(MilterServerPortConfig){
          .writing_timeout = 0.03,
          .limits = { .max_payload = MILTER_LIMIT_FROM_MILTER },
      },
      &handlers,
      seen,
      NULL);
  cr_assert_not_null (seen->port);
}

static void
end (Fixture *f, Seen *seen)
{
  if (seen->port != NULL)
    _milter_server_port_close (seen->port, /* reset= */ FALSE);
  fixture_clear (f);
  g_string_free (seen->events, TRUE);
}

Test (port, frames_are_passed_on_unjudged_and_what_is_left_is_told)
{
  static const struct
  {
    const char *bytes;
    gsize size;
    bool close;
    const char *events;
  } rows[] = {
    /* nobody asked, unknown letter, malformed, an edit */
    { "\0\0\0\1c\0\0\0\1Z\0\0\0\3hxx\0\0\0\5hA\0b\0", 26, true, "ready c0 Z0! h2! h4 . ended(0) " },
    { "\0\0\0\1c\0\0", 7, true, "ready c0 . ended(2) " },
    { "HTTP/1.1 400 Bad Request\r\n", 26, false, "ready garbage(HTTP/1.1 400 Bad Request\r\n) " },
    { "\0\0\0\1c\0\0\0\0", 9, false, "ready c0 garbage(" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const Answer answers[] = { { 'Z', rows[i].bytes, rows[i].size, rows[i].close } };
      Fixture f;
      Seen seen;

      begin (&f, &seen, answers, G_N_ELEMENTS (answers));
      RUN_UNTIL (seen.over);
      cr_expect (g_str_has_prefix (seen.events->str, rows[i].events), "%s", seen.events->str);
      cr_expect_str_eq (f.letters->str, "Z");
      end (&f, &seen);
    }
}

Test (port, a_peer_that_does_not_read_is_told)
{
  Fixture f;
  Seen seen;
  g_autofree guint8 *much = g_malloc0 (8000000);

  begin (&f, &seen, NULL, 0);
  RUN_UNTIL (f.letters->len == 1);
  g_source_remove (f.peer_watch);
  f.peer_watch = 0;
  _milter_server_port_send (seen.port, milter_bytes (much, 8000000));
  RUN_UNTIL (seen.over);
  cr_expect_str_eq (seen.events->str, "ready stalled ");
  end (&f, &seen);
}

Test (port, a_connection_that_was_closed_tells_nothing_more)
{
  const Answer answers[] = { { 'Z', "\0\0\0\1c", 5, false } };
  Fixture f;
  Seen seen;

  begin (&f, &seen, answers, G_N_ELEMENTS (answers));
  RUN_UNTIL (seen.events->len > 0);
  _milter_server_port_close (g_steal_pointer (&seen.port), /* reset= */ FALSE);
  RUN_UNTIL (f.peer >= 0 && f.peer_watch == 0);
  cr_expect_str_eq (seen.events->str, "ready ");
  end (&f, &seen);
}

/* a handler closes: the frames behind it in the same read are not told */
static void
close_at_message (MilterServerPort *port, const MilterMessage *message, gpointer data)
{
  Seen *seen = data;

  on_port_message (port, message, data);
  _milter_server_port_close (g_steal_pointer (&seen->port), /* reset= */ TRUE);
  seen->over = true;
}

Test (port, is_closed_inside_its_own_handler)
{
  const Answer answers[] = { { 'Z', "\0\0\0\1c\0\0\0\1r", 10, false } };
  MilterServerPortHandlers closing = handlers;
  Fixture f;
  Seen seen = { .events = g_string_new (NULL) };

  closing.message = close_at_message;
  fixture_init (&f, answers, G_N_ELEMENTS (answers));
  seen.port = _milter_server_port_new (
      f.spec,
      &(MilterServerPortConfig){ .limits = { .max_payload = MILTER_LIMIT_FROM_MILTER } },
      &closing,
      &seen,
      NULL);
  RUN_UNTIL (seen.over);
  cr_expect_str_eq (seen.events->str, "ready c0 ");
  end (&f, &seen);
}

Test (port, who_cannot_be_reached_is_told_at_once_or_later)
{
  Fixture f;
  Seen seen;
  g_autoptr (GError) error = NULL;
  g_autofree char *spec = NULL;

  begin (&f, &seen, NULL, 0);
  spec = g_strdup_printf ("unix:%s/nobody", f.folder);
  cr_expect_null (_milter_server_port_new (
      spec, &(MilterServerPortConfig){ 0 }, &handlers, &seen, &error));
  cr_expect_not_null (error);
  g_clear_error (&error);
  cr_expect_null (_milter_server_port_new (
      "inet:x@y", &(MilterServerPortConfig){ 0 }, &handlers, &seen, &error));
  cr_expect_not_null (error);
  end (&f, &seen);
}

static void
on_port_deadline (MilterServerPort *port, gpointer data)
{
  Seen *seen = data;

  g_string_append (seen->events, "deadline ");
  seen->over = true;
}

Test (port, its_owner_is_called_when_he_wanted)
{
  MilterServerPortHandlers timed = handlers;
  Fixture f;
  Seen seen = { .events = g_string_new (NULL) };
  gint64 due_us;

  timed.deadline = on_port_deadline;
  fixture_init (&f, NULL, 0);
  seen.port = _milter_server_port_new (
      f.spec,
      &(MilterServerPortConfig){
          .writing_timeout = 0.01,
          .limits = { .max_payload = MILTER_LIMIT_FROM_MILTER },
      },
      &timed,
      &seen,
      NULL);
  RUN_UNTIL (f.letters->len == 1);
  _milter_server_port_set_deadline (seen.port, 1);
  _milter_server_port_set_deadline (seen.port, 0);
  due_us = g_get_monotonic_time () + 50000;
  _milter_server_port_set_deadline (seen.port, due_us);
  /* what is written, and read at once, has a deadline of its own, which comes first */
  _milter_server_port_send (seen.port, milter_bytes ("\0\0\0\1Z", 5));
  RUN_UNTIL (seen.over);
  cr_expect_geq (g_get_monotonic_time (), due_us);
  cr_expect_str_eq (seen.events->str, "ready deadline ");
  end (&f, &seen);
}
