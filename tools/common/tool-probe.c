/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-probe.c: whether a milter is ready: it negotiates.
 */
#include "tool-probe.h"

#include <stdbool.h>

#include "milter-server-port-private.h"
#include "tool-console.h"
#include "tool-source.h"

/* the wait between two tries grows by half up to the longest */
#define FIRST_WAIT_US   (2 * G_TIME_SPAN_MILLISECOND)
#define LONGEST_WAIT_US (100 * G_TIME_SPAN_MILLISECOND)

struct _ToolProbe
{
  char *spec;
  gint64 deadline_us;
  gint64 wait_us;
  ToolProbeDone done;
  gpointer user_data;
  MilterServerPort *port; /* (nullable) of the try that is under way */
  GSource *clock;
  char *obstacle;
};

G_DEFINE_QUARK (tool-probe-error-quark, tool_probe_error)

static void
end_try (ToolProbe *probe)
{
  MilterServerPort *port = g_steal_pointer (&probe->port);

  if (port != NULL)
    _milter_server_port_close (port, /* reset= */ FALSE);
}

static void G_GNUC_PRINTF (2, 3)
fail (ToolProbe *probe, const char *format, ...)
{
  g_autoptr (GError) error = NULL;
  va_list arguments;

  va_start (arguments, format);
  error = g_error_new_valist (TOOL_PROBE_ERROR, TOOL_PROBE_ERROR_NO_MILTER, format, arguments);
  va_end (arguments);
  end_try (probe);
  tool_clock_set (probe->clock, -1);
  probe->done (/* negotiated= */ NULL, error, probe->user_data);
}

/* once more, a little later */
static void G_GNUC_PRINTF (2, 3)
retry (ToolProbe *probe, const char *format, ...)
{
  va_list arguments;

  end_try (probe);
  g_free (probe->obstacle);
  va_start (arguments, format);
  probe->obstacle = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  tool_clock_set (probe->clock,
                  MIN (g_get_monotonic_time () + probe->wait_us, probe->deadline_us));
  probe->wait_us = MIN (probe->wait_us * 3 / 2, LONGEST_WAIT_US);
}

/* --- one try ---------------------------------------------------------------------------------- */

static void
send_frame (ToolProbe *probe, const MilterMessage *message)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  milter_message_append (message, bytes, /* error= */ NULL);
  _milter_server_port_send (probe->port, milter_bytes (bytes->data, bytes->len));
  _milter_server_port_flush (probe->port);
}

/* what both MTAs offer; less makes some milters close the connection */
static void
send_offer (ToolProbe *probe)
{
  MilterOffer offer = milter_offer_for_version (MILTER_PROTOCOL_VERSION_MAX);
  MilterMessage message;

  milter_message_init (&message, MILTER_SIDE_MTA, MILTER_COMMAND_NEGOTIATE);
  message.fields[0].number = offer.version;
  message.fields[1].number = offer.actions;
  message.fields[2].number = offer.steps;
  send_frame (probe, &message);
}

static void
on_ready (MilterServerPort *port, const GError *error, gpointer user_data)
{
  ToolProbe *probe = user_data;

  if (error != NULL)
    {
      retry (probe, "%s", error->message);
      return;
    }
  send_offer (probe);
}

static void
on_message (MilterServerPort *port, const MilterMessage *message, gpointer user_data)
{
  ToolProbe *probe = user_data;
  g_autoptr (GBytes) symbols = NULL;
  g_autoptr (GError) fault = NULL;
  ToolNegotiated negotiated;
  MilterMessage quit;

  if (message->letter != MILTER_COMMAND_NEGOTIATE)
    {
      fail (probe,
            "it answers the negotiation with %s",
            message->spec != NULL ? message->spec->field_name : "a frame of an unknown letter");
      return;
    }
  if (message->fault != MILTER_NO_FAULT)
    {
      fault = milter_message_get_fault (message);
      fail (probe, "its answer to the negotiation is malformed: %s", fault->message);
      return;
    }
  negotiated.answer.version = message->fields[0].number;
  negotiated.answer.actions = message->fields[1].number;
  negotiated.answer.steps = message->fields[2].number;
  symbols = g_bytes_new (message->fields[3].bytes.data, message->fields[3].bytes.size);
  negotiated.symbols = symbols;
  milter_message_init (&quit, MILTER_SIDE_MTA, MILTER_COMMAND_QUIT);
  send_frame (probe, &quit);
  end_try (probe);
  tool_clock_set (probe->clock, -1);
  probe->done (&negotiated, /* error= */ NULL, probe->user_data);
}

static void
on_settled (MilterServerPort *port, gpointer user_data)
{
}

static void
on_garbage (MilterServerPort *port, const GError *error, MilterBytes head, gpointer user_data)
{
  g_autoptr (GString) text = g_string_new (NULL);

  tool_append_safe (text, head);
  fail (user_data, "what answers there is no milter; it says \"%s\"", text->str);
}

static void
on_ended (MilterServerPort *port, gboolean reset, MilterBytes leftover, gpointer user_data)
{
  retry (user_data,
         "the connection is %s instead of an answer to the negotiation",
         reset ? "reset" : "closed");
}

static void
on_stalled (MilterServerPort *port, gpointer user_data)
{
  retry (user_data, "it does not read the negotiation");
}

static const MilterServerPortHandlers handlers = {
  .ready = on_ready,
  .message = on_message,
  .settled = on_settled,
  .garbage = on_garbage,
  .ended = on_ended,
  .stalled = on_stalled,
};

static void
try_once (ToolProbe *probe)
{
  const MilterServerPortConfig config = { .limits = { .max_payload = MILTER_LIMIT_FROM_MILTER } };
  g_autoptr (GError) error = NULL;

  /* one that neither refuses nor answers */
  tool_clock_set (probe->clock, probe->deadline_us);
  probe->port = _milter_server_port_new (probe->spec, &config, &handlers, probe, &error);
  if (probe->port == NULL)
    retry (probe, "%s", error->message);
}

static gboolean
on_clock (gpointer user_data)
{
  ToolProbe *probe = user_data;
  gint64 now_us = g_get_monotonic_time ();
  g_autoptr (GError) error = NULL;

  tool_clock_set (probe->clock, -1);
  if (now_us < probe->deadline_us)
    {
      try_once (probe);
      return G_SOURCE_CONTINUE;
    }
  if (probe->port != NULL)
    {
      end_try (probe);
      g_free (probe->obstacle);
      probe->obstacle = g_strdup ("it takes the connection and does not answer");
    }
  error = g_error_new_literal (TOOL_PROBE_ERROR,
                               TOOL_PROBE_ERROR_NOT_YET,
                               probe->obstacle != NULL ? probe->obstacle : "there was no time");
  probe->done (/* negotiated= */ NULL, error, probe->user_data);
  return G_SOURCE_CONTINUE;
}

/* --- from outside ----------------------------------------------------------------------------- */

ToolProbe *
tool_probe_new (const char *spec, gint64 deadline_us, ToolProbeDone done, gpointer user_data)
{
  ToolProbe *probe = g_new0 (ToolProbe, 1);

  probe->spec = g_strdup (spec);
  probe->deadline_us = deadline_us;
  probe->wait_us = FIRST_WAIT_US;
  probe->done = done;
  probe->user_data = user_data;
  probe->clock = tool_clock_new (on_clock, probe);
  tool_clock_set (probe->clock, 0);
  return probe;
}

void
tool_probe_free (ToolProbe *probe)
{
  if (probe == NULL)
    return;
  end_try (probe);
  tool_source_free (probe->clock);
  g_free (probe->spec);
  g_free (probe->obstacle);
  g_free (probe);
}
