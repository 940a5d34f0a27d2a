/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-negotiate.c: the MTA's offer, and our answer.
 *
 * The handlers see the offer as an option that they may edit. What they leave as it is, or answer
 * with MILTER_STATUS_ALL_OPTIONS, becomes the default answer: the actions that the program declared,
 * or every one, and only the events that somebody listens to. Steps that nobody set are never
 * echoed, not even where actions were: they would ask the MTA to send nothing and to wait for
 * nothing.
 */
#include <string.h>

#include "milter-client-context-private.h"
#include "milter-client.h"
#include "milter-option-private.h"

/* Objects for the handlers. */

/* Whether nobody but us knows it: no reference, no data or weak reference, no handler (one that is
 * blocked is nobody, too: who would unblock it?). */
static bool
is_unknown (gpointer object)
{
  const GObject *it = object;

  return g_atomic_int_get (&it->ref_count) == 1 && it->qdata == NULL
         && g_signal_handler_find (object, G_SIGNAL_MATCH_UNBLOCKED, 0, 0, NULL, NULL, NULL) == 0;
}

/* (transfer full) */
static MilterOption *
make_option (MilterClientWorker *worker, const MilterOffer *offer)
{
  MilterOption *option = NULL;

  if (worker != NULL)
    option = g_steal_pointer (&milter_client_worker_get_spare (worker)->option);
  if (option == NULL)
    return milter_option_new (offer->version, offer->actions, offer->steps);
  milter_option_set_version (option, offer->version);
  milter_option_set_action (option, offer->actions);
  milter_option_set_step (option, offer->steps);
  _milter_option_forget_words_set (option);
  return option;
}

/* (transfer full): without a list */
static MilterMacrosRequests *
make_requests (MilterClientWorker *worker)
{
  MilterMacrosRequests *requests = NULL;

  if (worker != NULL)
    requests = g_steal_pointer (&milter_client_worker_get_spare (worker)->requests);
  return requests != NULL ? requests : milter_macros_requests_new ();
}

static void
note_list (MilterCommand command, GList *symbols, gpointer data)
{
  *(bool *) data = true;
}

/* most programs ask for none */
static bool
has_lists (MilterMacrosRequests *requests)
{
  bool found = false;

  milter_macros_requests_foreach (requests, note_list, &found);
  return found;
}

/* They go, or are kept for the next negotiation. */
static void
release_objects (MilterClientContextSeldom *seldom, MilterClientWorker *worker)
{
  MilterClientSpare *spare = worker != NULL ? milter_client_worker_get_spare (worker) : NULL;

  if (spare != NULL && spare->option == NULL && seldom->offer != NULL && is_unknown (seldom->offer))
    spare->option = g_steal_pointer (&seldom->offer);
  if (spare != NULL && spare->requests == NULL && seldom->requests != NULL
      && !has_lists (seldom->requests) && is_unknown (seldom->requests))
    spare->requests = g_steal_pointer (&seldom->requests);
  g_clear_object (&seldom->offer);
  g_clear_object (&seldom->requests);
}

MilterStatus
milter_client_context_take_offer (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = context->priv;
  MilterClientContextSeldom *seldom;
  MilterMacrosRequests *requests;

  milter_client_context_look_for_listeners (context);
  /* many programs never look */
  if (!milter_client_context_wants_offer (context))
    return MILTER_STATUS_ALL_OPTIONS;
  seldom = milter_client_context_get_seldom (priv);
  seldom->offer = make_option (priv->worker, &priv->session.offer);
  seldom->requests = make_requests (priv->worker);
  requests = milter_protocol_agent_get_macros_requests (MILTER_PROTOCOL_AGENT (context));
  if (requests != NULL)
    milter_macros_requests_merge (seldom->requests, requests);
  return milter_client_context_ask_negotiate (context, seldom->offer, seldom->requests);
}

void
milter_client_context_replace_offer (MilterClientContext *context,
                                     MilterOption *option,
                                     MilterMacrosRequests *requests)
{
  if (option != NULL)
    g_set_object (&milter_client_context_get_seldom (context->priv)->offer, option);
  if (requests != NULL)
    g_set_object (&milter_client_context_get_seldom (context->priv)->requests, requests);
}

/* what the program said beforehand that it needs (nullable) */
static MilterOption *
get_declared (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = context->priv;

  if (priv->seldom->option != NULL || priv->client == NULL)
    return priv->seldom->option;
  return milter_client_get_option (priv->client);
}

/* what is asked for: every action, unless the program has said which, and only the events that
 * somebody listens to */
static MilterOffer
default_wishes (MilterClientContext *context)
{
  const MilterOffer *offer = &context->priv->session.offer;
  MilterOption *declared = get_declared (context);
  MilterOffer wishes = { .version = G_MAXUINT32, .actions = offer->actions & MILTER_ACTIONS_ALL };

  wishes.steps = milter_client_context_get_unwanted (context) | MILTER_STEP_SKIP;
  /* a word of 0 stands for the oldest set (NEG-15, NEG-16); milter_offer_answer() knows it */
  wishes.steps &= offer->steps != 0 ? offer->steps : 0x3f;
  if (declared == NULL)
    return wishes;
  wishes.version = milter_option_get_version (declared);
  /* that one is used by itself where lists go along */
  wishes.actions
      = milter_option_get_action (declared) & ~(guint32) MILTER_ACTION_SET_SYMBOL_LIST;
  wishes.steps |= milter_option_get_step (declared);
  return wishes;
}

/* the words that the handlers set, or replaced with an option of their own */
static void
apply_edits (MilterOption *option, const MilterOffer *offer, MilterOffer *wishes)
{
  MilterOptionWord set = _milter_option_get_words_set (option);
  /* offered actions that nobody here has heard of cannot be meant, only copied (NEG-14) */
  guint32 copied = offer->actions & ~MILTER_ACTIONS_ALL;
  guint32 version = milter_option_get_version (option);
  guint32 actions = milter_option_get_action (option);
  guint32 steps = milter_option_get_step (option);

  if (set & MILTER_OPTION_WORD_VERSION || version != offer->version)
    wishes->version = version;
  if (set & MILTER_OPTION_WORD_ACTIONS || actions != offer->actions)
    wishes->actions = actions & ~copied;
  if (set & MILTER_OPTION_WORD_STEPS || steps != offer->steps)
    wishes->steps = steps;
}

static gboolean
make_answer (MilterClientContext *context,
             MilterStatus status,
             MilterOffer *answer,
             GError **error)
{
  const MilterOffer *offer = &context->priv->session.offer;
  MilterOption *option = context->priv->seldom->offer;
  MilterOffer wishes = default_wishes (context);

  if (option != NULL && status != MILTER_STATUS_ALL_OPTIONS)
    apply_edits (option, offer, &wishes);
  if (!milter_offer_answer (offer, wishes.actions, wishes.steps, answer, error))
    return FALSE;
  answer->version = MIN (answer->version, wishes.version);
  return TRUE;
}

/* one-letter names go bare, longer ones in braces (milter-protocol 5.1) */
static void
append_symbol (GString *names, const char *symbol)
{
  gsize length = strlen (symbol);

  if (length == 0)
    return;
  if (names->len > 0)
    g_string_append_c (names, ' ');
  if (length == 1 || symbol[0] == '{')
    g_string_append (names, symbol);
  else
    g_string_append_printf (names, "{%s}", symbol);
}

static void
append_list (MilterMacrosRequests *requests, MilterCommand command, GByteArray *lists)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, command);
  g_autoptr (GString) names = g_string_new (NULL);

  if (spec == NULL || spec->stage < 0)
    return;
  for (GList *node = milter_macros_requests_get_symbols (requests, command); node != NULL;
       node = node->next)
    append_symbol (names, node->data);
  if (names->len > 0)
    milter_symbol_lists_append (lists, spec->stage, milter_bytes (names->str, names->len));
}

/* NEG-24: lists only for an MTA that offers to take them (transfer full) (nullable) */
static GByteArray *
symbol_lists (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = context->priv;
  MilterMacrosRequests *requests = priv->seldom->requests;
  GByteArray *lists;

  if (requests == NULL)
    requests = milter_protocol_agent_get_macros_requests (MILTER_PROTOCOL_AGENT (context));
  if (requests == NULL || (priv->session.offer.actions & MILTER_ACTION_SET_SYMBOL_LIST) == 0
      || !has_lists (requests))
    return NULL;
  lists = g_byte_array_new ();
  /* ascending stages, as libmilter sends them */
  for (int stage = 0; stage < MILTER_N_MACRO_STAGES; stage++)
    append_list (requests, milter_macro_stage_to_command (stage), lists);
  return lists;
}

/* what the MTA may send in one frame from here on (milter-protocol 1.2) */
static guint32
get_max_payload (guint32 steps)
{
  if (steps & MILTER_STEP_MDS_1M)
    return 1024 * 1024 - 1;
  return steps & MILTER_STEP_MDS_256K ? 256 * 1024 - 1 : MILTER_LIMIT_FROM_MTA;
}

/* It leaves with what the loop sends when the turn ends, unless somebody looks at what is written. */
static void
send_message (MilterClientContext *context, const MilterMessage *message)
{
  MilterClientContextPrivate *priv = context->priv;
  bool is_short_way = priv->worker != NULL && priv->connection != NULL && priv->tap == NULL;
  GByteArray *bytes;

  if (is_short_way)
    {
      MilterClientSpare *spare = milter_client_worker_get_spare (priv->worker);

      if (spare->answer == NULL)
        spare->answer = g_byte_array_new ();
      bytes = spare->answer;
      g_byte_array_set_size (bytes, 0);
    }
  else
    bytes = milter_client_context_get_output (context);
  if (!milter_message_append (message, bytes, NULL))
    g_error ("an answer to a negotiation cannot be written");
  if (is_short_way)
    _milter_io_connection_answer (priv->connection, bytes->data, bytes->len);
  else
    milter_client_context_written (context);
}

static void
send_answer (MilterClientContext *context, const MilterOffer *answer)
{
  MilterClientContextPrivate *priv = context->priv;
  g_autoptr (GByteArray) lists = symbol_lists (context);
  MilterMessage message;

  milter_message_init (&message, MILTER_SIDE_MILTER, MILTER_REPLY_NEGOTIATE);
  message.fields[0].number = answer->version;
  message.fields[1].number = answer->actions;
  message.fields[2].number = answer->steps;
  if (lists != NULL && lists->len > 0)
    {
      message.fields[1].number |= MILTER_ACTION_SET_SYMBOL_LIST;
      message.fields[3].bytes = milter_bytes (lists->data, lists->len);
    }
  send_message (context, &message);
  milter_session_reply (&priv->session, &message, NULL);
  priv->limits.max_payload = get_max_payload (priv->session.agreed.steps);
}

/* any status that is no answer to an offer: the MTA is told with a reject, or by closing */
static void
refuse (MilterClientContext *context, MilterStatus status)
{
  g_autoptr (GError) error = NULL;

  if (status == MILTER_STATUS_REJECT)
    {
      milter_frame_append (
          MILTER_REPLY_REJECT, milter_bytes (NULL, 0), milter_client_context_get_output (context));
      milter_client_context_written (context);
      milter_client_context_close (context, MILTER_IO_CLOSE_FLUSH);
      return;
    }
  error = g_error_new (MILTER_CLIENT_CONTEXT_ERROR,
                       MILTER_CLIENT_CONTEXT_ERROR_INVALID_STATE,
                       "status %d cannot answer negotiate (SMFIC_OPTNEG); the connection is closed",
                       status);
  milter_client_context_fail (context, error);
}

void
milter_client_context_forget_offer (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = context->priv;

  if (priv->seldom != &milter_client_context_nothing)
    {
      MilterClientContextSeldom *seldom = milter_client_context_get_seldom (priv);

      g_clear_object (&seldom->option);
      release_objects (seldom, priv->worker);
      milter_client_context_drop_seldom (priv);
    }
}

void
milter_client_context_answer_offer (MilterClientContext *context, MilterStatus status)
{
  MilterClientContextPrivate *priv = context->priv;
  g_autoptr (GError) error = NULL;
  MilterOffer answer;

  if (!MILTER_STATUS_IS_PASS (status) && status != MILTER_STATUS_ALL_OPTIONS)
    {
      refuse (context, status);
      return;
    }
  milter_client_context_choose_forms (context);
  if (!make_answer (context, status, &answer, &error))
    {
      milter_client_context_fail (context, error);
      return;
    }
  send_answer (context, &answer);
  /* each connection would keep an object that says that nothing was asked for */
  if (priv->seldom->requests != NULL && has_lists (priv->seldom->requests))
    milter_protocol_agent_set_macros_requests (MILTER_PROTOCOL_AGENT (context),
                                               priv->seldom->requests);
  milter_client_context_forget_offer (context);
}
