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
