/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-negotiate.c: which answer an offer gets.
 */
#include "client-test.h"

static MilterStatus
continue_string (MilterClientContext *context, const char *string, gpointer data)
{
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
take_two_actions (MilterClientContext *context,
                  MilterOption *option,
                  MilterMacrosRequests *requests,
                  gpointer data)
{
  milter_option_set_action (option, 0x11);
  milter_option_set_step (option, MILTER_STEP_NONE);
  return MILTER_STATUS_CONTINUE;
}

static const MilterClientHandlers recipient_only = { .envelope_recipient = continue_string };

/* the answer of @peer's context; "" if there is none and it closed (transfer full) */
static char *
answer_to (Peer *peer, guint32 version, guint32 actions, guint32 steps)
{
  guint32 offer[3] = { GUINT32_TO_BE (version), GUINT32_TO_BE (actions), GUINT32_TO_BE (steps) };

  peer_send_bytes (peer, 'O', offer, sizeof offer);
  return peer_answers (peer);
}

Test (client_negotiate, the_default_answer_asks_only_for_events_with_handlers)
{
  static const struct
  {
    guint32 version, actions, steps;
    const char *answer;
  } rows[] = {
    { 6,
      0x1ff,
      0x1fffff,
      "negotiate version=6 actions=all "
      "steps=NOCONNECT,NOHELO,NOMAIL,NOBODY,NOHDRS,NOEOH,NOUNKNOWN,NODATA,SKIP" },
    { 100,
      0x1ff,
      0x1fffff,
      "negotiate version=6 actions=all "
      "steps=NOCONNECT,NOHELO,NOMAIL,NOBODY,NOHDRS,NOEOH,NOUNKNOWN,NODATA,SKIP" },
    /* bits that have no name are not agreed to */
    { 6,
      0xfff,
      0x7fffff,
      "negotiate version=6 actions=all "
      "steps=NOCONNECT,NOHELO,NOMAIL,NOBODY,NOHDRS,NOEOH,NOUNKNOWN,NODATA,SKIP" },
    /* no NOUNKNOWN, NODATA and SKIP in version 2 */
    { 2,
      0x3f,
      0x7f,
      "negotiate version=2 actions=ADDHDRS,CHGBODY,ADDRCPT,DELRCPT,CHGHDRS,QUARANTINE "
      "steps=NOCONNECT,NOHELO,NOMAIL,NOBODY,NOHDRS,NOEOH" },
    /* words of 0 stand for the oldest sets */
    { 2, 0, 0, "negotiate version=2 actions=none steps=NOCONNECT,NOHELO,NOMAIL,NOBODY,NOHDRS" },
    /* an MTA that cannot leave anything out */
    { 6, 1, 0x400, "negotiate version=6 actions=ADDHDRS steps=SKIP" },
    { 1, 0x1ff, 0x1fffff, "" },
    { 0, 0x1ff, 0x1fffff, "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      Peer peer = peer_new ();
      g_autofree char *answer = NULL;

      milter_client_context_set_handlers (peer.context, &recipient_only, &peer);
      answer = answer_to (&peer, rows[i].version, rows[i].actions, rows[i].steps);
      cr_expect_str_eq (answer, rows[i].answer, "row %zu: %s", i, answer);
      cr_expect_eq (peer.error == NULL, *rows[i].answer != '\0');
      peer_clear (&peer);
    }
}

/* One handler alone, in each of the ways that there are to have one. */

static const struct
{
  const char *name; /* of the signal */
  const char *step; /* what asks the event away */
  gsize slot;       /* in MilterClientHandlers */
  gsize function;   /* in MilterClientContextClass */
  gboolean use_bytes;
} events[] = {
#define EVENT(name, member, step)                                                                  \
  {                                                                                                \
    name, step, G_STRUCT_OFFSET (MilterClientHandlers, member),                                    \
        G_STRUCT_OFFSET (MilterClientContextClass, member), FALSE                                  \
  }
  EVENT ("connect", connect, "NOCONNECT"),
  EVENT ("helo", helo, "NOHELO"),
  EVENT ("envelope-from", envelope_from, "NOMAIL"),
  EVENT ("envelope-recipient", envelope_recipient, "NORCPT"),
  EVENT ("body", body, "NOBODY"),
  EVENT ("header", header, "NOHDRS"),
  EVENT ("end-of-header", end_of_header, "NOEOH"),
  EVENT ("unknown", unknown, "NOUNKNOWN"),
  EVENT ("data", data, "NODATA"),
  /* these two always come */
  EVENT ("end-of-message", end_of_message, ""),
  EVENT ("abort", abort, ""),
#undef EVENT
  { "body-bytes", "NOBODY", 0, G_STRUCT_OFFSET (MilterClientContextClass, body_bytes), TRUE },
  { "end-of-message-bytes",
    "",
    0,
    G_STRUCT_OFFSET (MilterClientContextClass, end_of_message_bytes),
    TRUE },
};

static const char *const all_no_steps[]
    = { "NOCONNECT", "NOHELO", "NOMAIL",    "NORCPT", "NOBODY",
        "NOHDRS",    "NOEOH",  "NOUNKNOWN", "NODATA" };

/* none of them is called: all that happens is a negotiation */
static void
no_handler (void)
{
  g_assert_not_reached ();
}

typedef void (*AnyHandler) (void);

static void
set_class_function (gpointer klass, gpointer event)
{
  gsize function = events[GPOINTER_TO_UINT (event)].function;

  G_STRUCT_MEMBER (AnyHandler, klass, function) = no_handler;
}

/* a subclass that has the function of one event */
static MilterClientContext *
make_subclassed (guint event)
{
  g_autofree char *name = g_strdup_printf ("OnlyEvent%u", event);
  const GTypeInfo info = {
    .class_size = sizeof (MilterClientContextClass),
    .class_init = set_class_function,
    .class_data = GUINT_TO_POINTER (event),
    .instance_size = sizeof (MilterClientContext),
  };

  return g_object_new (g_type_register_static (MILTER_TYPE_CLIENT_CONTEXT, name, &info, 0), NULL);
}

static void
expect_asked (MilterClientContext *context, guint event, const char *shape)
{
  Peer peer = { context, g_string_new (NULL), NULL };
  g_autoptr (GString) expected = g_string_new ("negotiate version=6 actions=all steps=");
  g_autofree char *answer = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (all_no_steps); i++)
    if (strcmp (all_no_steps[i], events[event].step) != 0)
      g_string_append_printf (expected, "%s,", all_no_steps[i]);
  g_string_append (expected, "SKIP");
  milter_client_context_set_use_bytes (context, events[event].use_bytes);
  answer = answer_to (&peer, 6, 0x1ff, 0x1fffff);
  cr_expect_str_eq (answer, expected->str, "%s, %s: %s", events[event].name, shape, answer);
  peer_clear (&peer);
}

Test (client_negotiate, each_event_alone_is_asked_for_in_every_shape_of_handler)
{
  for (guint i = 0; i < G_N_ELEMENTS (events); i++)
    {
      MilterClientHandlers handlers = { NULL };
      MilterClientContext *context = milter_client_context_new (NULL);

      g_signal_connect (context, events[i].name, no_handler, NULL);
      expect_asked (context, i, "signal");

      expect_asked (make_subclassed (i), i, "class function");

      if (events[i].use_bytes)
        continue;
      G_STRUCT_MEMBER (AnyHandler, &handlers, events[i].slot) = no_handler;
      context = milter_client_context_new (NULL);
      milter_client_context_set_handlers (context, &handlers, NULL);
      expect_asked (context, i, "table");
    }
}

/* What a program declares. */

Test (client_negotiate, what_was_declared_is_asked_for_and_no_more)
{
  static const struct
  {
    const char *name;
    guint32 version, actions, steps; /* declared */
    guint32 offered_version, offered_actions, offered_steps;
    const char *answer; /* "" if the MTA is refused */
  } rows[] = {
    { "some actions",
      6,
      0x11,
      0,
      6,
      0x1ff,
      0x1fffff,
      "negotiate version=6 actions=ADDHDRS,CHGHDRS "
      "steps=NOCONNECT,NOHELO,NOMAIL,NOBODY,NOHDRS,NOEOH,NOUNKNOWN,NODATA,SKIP" },
    { "no action",
      6,
      0,
      0,
      6,
      0x1ff,
      0x1fffff,
      "negotiate version=6 actions=none "
      "steps=NOCONNECT,NOHELO,NOMAIL,NOBODY,NOHDRS,NOEOH,NOUNKNOWN,NODATA,SKIP" },
    { "a step besides",
      6,
      0,
      MILTER_STEP_NO_REPLY_ENVELOPE_RECIPIENT,
      6,
      0x1ff,
      0x1fffff,
      "negotiate version=6 actions=none "
      "steps=NOCONNECT,NOHELO,NOMAIL,NOBODY,NOHDRS,NOEOH,NOUNKNOWN,NODATA,SKIP,NR_RCPT" },
    { "a no-reply step that is not offered: every command is answered",
      6,
      0,
      MILTER_STEP_NO_REPLY_ENVELOPE_RECIPIENT,
      6,
      0x1ff,
      0x3ff,
      "negotiate version=6 actions=none "
      "steps=NOCONNECT,NOHELO,NOMAIL,NOBODY,NOHDRS,NOEOH,NOUNKNOWN,NODATA" },
    { "a lower version",
      3,
      0x1,
      0,
      6,
      0x1ff,
      0x1fffff,
      "negotiate version=3 actions=ADDHDRS "
      "steps=NOCONNECT,NOHELO,NOMAIL,NOBODY,NOHDRS,NOEOH,NOUNKNOWN,NODATA,SKIP" },
    { "an MTA of a lower version",
      6,
      0x1,
      0,
      2,
      0x3f,
      0x7f,
      "negotiate version=2 actions=ADDHDRS steps=NOCONNECT,NOHELO,NOMAIL,NOBODY,NOHDRS,NOEOH" },
    { "lists of macros are no need",
      6,
      0x101,
      0,
      2,
      0x3f,
      0x7f,
      "negotiate version=2 actions=ADDHDRS steps=NOCONNECT,NOHELO,NOMAIL,NOBODY,NOHDRS,NOEOH" },
    { "an action that is not offered", 6, 0x41, 0, 2, 0x3f, 0x7f, "" },
    { "a step that is not offered", 6, 0, MILTER_STEP_ENVELOPE_RECIPIENT_REJECTED, 2, 0, 0x7f, "" },
  };

  for (gsize i = 0; i < 2 * G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MilterOption) option = NULL;
      g_autoptr (MilterClient) client = milter_client_new ();
      g_autofree char *answer = NULL;
      gsize row = i / 2;
      Peer peer = { NULL, g_string_new (NULL), NULL };

      option = milter_option_new (rows[row].version, rows[row].actions, rows[row].steps);
      /* for all connections, or for this one, which counts for more */
      milter_client_set_option (client, i % 2 == 0 ? option : NULL);
      cr_expect_eq (milter_client_get_option (client), i % 2 == 0 ? option : NULL);
      peer.context = milter_client_create_context (client);
      if (i % 2 != 0)
        milter_client_context_set_option (peer.context, option);
      milter_client_context_set_handlers (peer.context, &recipient_only, &peer);
      answer = answer_to (&peer,
                          rows[row].offered_version,
                          rows[row].offered_actions,
                          rows[row].offered_steps);
      cr_expect_str_eq (answer, rows[row].answer, "%s: %s", rows[row].name, answer);
      cr_expect_eq (peer.error == NULL, *rows[row].answer != '\0', "%s", rows[row].name);
      peer_clear (&peer);
    }
}

Test (client_negotiate, an_edited_offer_goes_before_what_was_declared)
{
  g_autoptr (MilterOption) option = milter_option_new (6, 0x1, 0);
  g_autoptr (MilterClient) client = milter_client_new ();
  Peer peer = { NULL, g_string_new (NULL), NULL };
  g_autofree char *answer = NULL;

  milter_client_set_option (client, option);
  peer.context = milter_client_create_context (client);
  milter_client_context_set_handlers (peer.context, &recipient_only, &peer);
  g_signal_connect (peer.context, "negotiate", G_CALLBACK (take_two_actions), NULL);
  answer = answer_to (&peer, 6, 0x1ff, 0x1fffff);
  cr_expect_str_eq (answer, "negotiate version=6 actions=ADDHDRS,CHGHDRS steps=none");
  peer_clear (&peer);
}

Test (client_negotiate, frames_may_be_as_long_as_was_agreed)
{
  static const struct
  {
    guint32 steps;
    gsize size;
    bool taken;
  } rows[] = {
    { 0, 65535, true },
    { 0, 65536, false },
    { MILTER_STEP_MDS_256K, 262143, true },
    { MILTER_STEP_MDS_256K, 262144, false },
    { MILTER_STEP_MDS_1M, 1048575, true },
    { MILTER_STEP_MDS_1M, 1048576, false },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      Peer peer = peer_new ();
      g_autoptr (MilterOption) option = milter_option_new (6, 0, rows[i].steps);
      g_autofree char *body = g_strnfill (rows[i].size, 'x');

      milter_client_context_set_option (peer.context, option);
      g_free (answer_to (&peer, 6, 0x1ff, 0x301fffff));
      cr_expect_eq (
          peer_send_bytes (&peer, 'E', body, rows[i].size), rows[i].taken, "row %zu", i);
      peer_clear (&peer);
    }
}

/* what the handler makes of the offer */
static struct
{
  guint32 version, actions, steps;
  const char *symbol;
  MilterStatus status;
} edit;

static MilterStatus
do_edit (MilterClientContext *context,
         MilterOption *option,
         MilterMacrosRequests *requests,
         gpointer data)
{
  if (edit.version != 0)
    {
      milter_option_set_version (option, edit.version);
      milter_option_set_action (option, edit.actions);
      milter_option_set_step (option, edit.steps);
    }
  if (edit.symbol != NULL)
    {
      milter_macros_requests_set_symbols (
          requests, MILTER_COMMAND_END_OF_MESSAGE, edit.symbol, "i", NULL);
      milter_macros_requests_set_symbols (requests, MILTER_COMMAND_CONNECT, "j", NULL);
    }
  return edit.status;
}

static const MilterClientHandlers editing = { .negotiate = do_edit };

#define NOTHING_HANDLED                                                                            \
  "steps=NOCONNECT,NOHELO,NOMAIL,NORCPT,NOBODY,NOHDRS,NOEOH,NOUNKNOWN,NODATA,SKIP"

Test (client_negotiate, handlers_decide_the_answer)
{
  static const struct
  {
    const char *name;
    guint32 version, actions, steps;
    const char *symbol;
    MilterStatus status;
    const char *answer;
    bool ends;
  } rows[] = {
    { "an edited offer",
      6,
      0x11,
      0x3,
      NULL,
      MILTER_STATUS_CONTINUE,
      "negotiate version=6 actions=ADDHDRS,CHGHDRS steps=NOCONNECT,NOHELO",
      false },
    { "a lower version",
      2,
      0x1,
      0,
      NULL,
      MILTER_STATUS_CONTINUE,
      "negotiate version=2 actions=ADDHDRS steps=none",
      false },
    { "steps that were set to those of the offer are meant",
      6,
      0x1,
      0x1fffff,
      NULL,
      MILTER_STATUS_CONTINUE,
      "negotiate version=6 actions=ADDHDRS steps=all",
      false },
    { "an unchanged offer is not echoed",
      0,
      0,
      0,
      NULL,
      MILTER_STATUS_CONTINUE,
      "negotiate version=6 actions=all " NOTHING_HANDLED,
      false },
    { "all options pass over edits",
      6,
      0x1,
      0,
      NULL,
      MILTER_STATUS_ALL_OPTIONS,
      "negotiate version=6 actions=all " NOTHING_HANDLED,
      false },
    { "an action that was not offered", 6, 0x201, 0, NULL, MILTER_STATUS_CONTINUE, "", true },
    { "symbols",
      6,
      0x101,
      0,
      "{mail_addr}",
      MILTER_STATUS_CONTINUE,
      "negotiate version=6 actions=ADDHDRS,SETSYMLIST steps=none symbols-connect=\"j\" "
      "symbols-eom=\"{mail_addr} i\"",
      false },
    { "symbols without braces",
      6,
      0x1,
      0,
      "mail_addr",
      MILTER_STATUS_CONTINUE,
      "negotiate version=6 actions=ADDHDRS,SETSYMLIST steps=none symbols-connect=\"j\" "
      "symbols-eom=\"{mail_addr} i\"",
      false },
    { "reject", 0, 0, 0, NULL, MILTER_STATUS_REJECT, "reject", true },
    { "accept is no answer", 0, 0, 0, NULL, MILTER_STATUS_ACCEPT, "", true },
    { "tempfail is no answer", 0, 0, 0, NULL, MILTER_STATUS_TEMPORARY_FAILURE, "", true },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      Peer peer = peer_new ();
      g_autofree char *answer = NULL;

      milter_client_context_set_handlers (peer.context, &editing, &peer);
      peer_watch (&peer);
      edit.version = rows[i].version;
      edit.actions = rows[i].actions;
      edit.steps = rows[i].steps;
      edit.symbol = rows[i].symbol;
      edit.status = rows[i].status;
      answer = answer_to (&peer, 6, 0x1ff, 0x1fffff);
      cr_expect_str_eq (answer, rows[i].answer, "%s: %s", rows[i].name, answer);
      cr_expect_eq (strstr (peer.log->str, "finished") != NULL, rows[i].ends, "%s", rows[i].name);
      peer_clear (&peer);
    }
}

/* the words that are 0 are left */
static MilterStatus
set_words (MilterClientContext *context,
           MilterOption *option,
           MilterMacrosRequests *requests,
           gpointer data)
{
  if (edit.actions != 0)
    milter_option_set_action (option, edit.actions);
  if (edit.steps != 0)
    milter_option_set_step (option, edit.steps);
  return MILTER_STATUS_CONTINUE;
}

Test (client_negotiate, a_word_that_is_not_edited_is_chosen_as_if_nobody_edited)
{
  static const MilterClientHandlers handlers = { .negotiate = set_words, .helo = continue_string };
  static const struct
  {
    guint32 actions, steps;
    const char *answer;
  } rows[] = {
    { 0x1,
      0,
      "negotiate version=6 actions=ADDHDRS "
      "steps=NOCONNECT,NOMAIL,NORCPT,NOBODY,NOHDRS,NOEOH,NOUNKNOWN,NODATA,SKIP" },
    { 0, 0x1, "negotiate version=6 actions=all steps=NOCONNECT" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      Peer peer = peer_new ();
      g_autofree char *answer = NULL;

      milter_client_context_set_handlers (peer.context, &handlers, &peer);
      memset (&edit, 0, sizeof edit);
      edit.actions = rows[i].actions;
      edit.steps = rows[i].steps;
      answer = answer_to (&peer, 6, 0x1ff, 0x1fffff);
      cr_expect_str_eq (answer, rows[i].answer, "row %zu: %s", i, answer);
      peer_clear (&peer);
    }
}

Test (client_negotiate, steps_that_are_set_are_meant_even_if_none_are_offered)
{
  static const struct
  {
    MilterStatus status;
    const char *answer;
  } rows[] = {
    { MILTER_STATUS_CONTINUE, "negotiate version=6 actions=ADDHDRS steps=none" },
    { MILTER_STATUS_ALL_OPTIONS,
      "negotiate version=6 actions=all steps=NOCONNECT,NOHELO,NOMAIL,NORCPT,NOBODY,NOHDRS" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      Peer peer = peer_new ();
      g_autofree char *answer = NULL;

      milter_client_context_set_handlers (peer.context, &editing, &peer);
      memset (&edit, 0, sizeof edit);
      edit.version = 6;
      edit.actions = 1;
      edit.status = rows[i].status;
      answer = answer_to (&peer, 6, 0x1ff, 0);
      cr_expect_str_eq (answer, rows[i].answer, "row %zu: %s", i, answer);
      peer_clear (&peer);
    }
}

Test (client_negotiate, each_stage_has_its_list_of_macros)
{
  static const struct
  {
    MilterCommand command;
    const char *list;
  } rows[] = {
    { MILTER_COMMAND_CONNECT, "symbols-connect" },
    { MILTER_COMMAND_HELO, "symbols-helo" },
    { MILTER_COMMAND_ENVELOPE_FROM, "symbols-mail" },
    { MILTER_COMMAND_ENVELOPE_RECIPIENT, "symbols-rcpt" },
    { MILTER_COMMAND_DATA, "symbols-data" },
    { MILTER_COMMAND_END_OF_MESSAGE, "symbols-eom" },
    { MILTER_COMMAND_END_OF_HEADER, "symbols-eoh" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      Peer peer = peer_new ();
      g_autoptr (MilterMacrosRequests) requests = milter_macros_requests_new ();
      g_autofree char *expected
          = g_strdup_printf ("actions=all steps=NOCONNECT,NOHELO,NOMAIL,NOBODY,NOHDRS,NOEOH,"
                             "NOUNKNOWN,NODATA,SKIP %s=\"i {mail_addr}\"",
                             rows[i].list);
      g_autofree char *answer = NULL;

      /* as a program does before the negotiation, without a handler for it */
      milter_macros_requests_set_symbols (requests, rows[i].command, "i", "mail_addr", NULL);
      milter_protocol_agent_set_macros_requests (MILTER_PROTOCOL_AGENT (peer.context), requests);
      milter_client_context_set_handlers (peer.context, &recipient_only, &peer);
      answer = answer_to (&peer, 6, 0x1ff, 0x1fffff);
      cr_expect (g_str_has_suffix (answer, expected), "%s: %s", rows[i].list, answer);
      peer_clear (&peer);
    }
}

Test (client_negotiate, symbol_lists_go_only_to_an_mta_that_takes_them)
{
  Peer peer = peer_new ();
  g_autofree char *answer = NULL;

  milter_client_context_set_handlers (peer.context, &editing, &peer);
  edit.version = 6;
  edit.actions = 1;
  edit.steps = 0;
  edit.symbol = "{mail_addr}";
  edit.status = MILTER_STATUS_CONTINUE;
  answer = answer_to (&peer, 6, 0xff, 0x1fffff);
  cr_expect_str_eq (answer, "negotiate version=6 actions=ADDHDRS steps=none");
  peer_clear (&peer);
}

Test (client_negotiate, what_was_agreed_can_be_asked)
{
  Peer peer = peer_new ();
  MilterOption *option;

  cr_expect_null (milter_client_context_get_option (peer.context));
  milter_client_context_set_handlers (peer.context, &recipient_only, &peer);
  g_free (answer_to (&peer, 4, 0x3f, 0x3ff));
  option = milter_client_context_get_option (peer.context);
  cr_assert_not_null (option);
  cr_expect_eq (milter_option_get_version (option), 4);
  cr_expect_eq (milter_option_get_action (option), 0x3f);
  peer_clear (&peer);
}

Test (client_negotiate, each_connection_keeps_its_own_answer)
{
  Peer old = peer_new ();
  Peer new = peer_new ();

  milter_client_context_set_handlers (old.context, &recipient_only, &old);
  milter_client_context_set_handlers (new.context, &recipient_only, &new);
  g_free (answer_to (&old, 2, 0x3f, 0x7f));
  g_free (answer_to (&new, 6, 0x1ff, 0x1fffff));
  cr_expect_eq (milter_option_get_version (milter_client_context_get_option (old.context)), 2);
  cr_expect_eq (milter_option_get_version (milter_client_context_get_option (new.context)), 6);
  peer_clear (&old);
  peer_clear (&new);
}
