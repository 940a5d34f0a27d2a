/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compare-match.c: see compare-match.h.
 */
#include "compare-match.h"

#include "compare-key.h"
#include "milter-text.h"

/* beside its bytes a message takes about so much */
#define MESSAGE_SIZE ((gsize) 4096)
/* so many messages wait before those are looked at that do not belong together at first sight */
#define FIRST_LOOK 1024u

/* a session of one recording, and what it belongs to */
typedef struct
{
  guint side;
  guint connection, number;
  MilterRecordedSession *session; /* (nullable) until it has ended */
  guint n_waiting;
  GPtrArray *pairs; /* of Pair, unowned */
} Node;

typedef struct
{
  ComparePair told;
  Node *nodes[2]; /* unowned; NULL when it is not needed any more, or was never there */
  bool is_whole;  /* it is of both recordings */
  bool ended;
} Pair;

/* a message that waits for its counterpart */
typedef struct
{
  MilterRecordedMessage *message;
  Node *node;        /* unowned */
  char *key;         /* by which it is found at first sight */
  gsize size;
  GList *link; /* among those that wait */
} Waiting;

struct _CompareMatch
{
  const MilterCompareRules *rules; /* unowned */
  gsize max_waiting;
  void (*ended) (const ComparePair *pair, gpointer data);
  gpointer data;
  GHashTable *nodes[2]; /* of Node, by connection and number */
  GHashTable *clients[2]; /* of GQueue of Node (unowned) without messages that wait, by their client */
  GHashTable *by_key[2]; /* of GQueue of Waiting (unowned), by their keys */
  GQueue waiting[2];     /* of Waiting, the oldest first */
  gsize size[2];
  guint look_at;    /* when so many wait, those are looked at again */
  GPtrArray *pairs; /* of Pair, that have not ended */
};

/* --- memory ------------------------------------------------------------------------------------ */

static void
finding_free (gpointer data)
{
  CompareFinding *finding = data;

  g_free (finding->message);
  milter_comparison_free (finding->comparison);
  g_free (finding);
}

static void
pair_free (gpointer data)
{
  Pair *pair = data;

  g_ptr_array_unref (pair->told.findings);
  g_free (pair);
}

static void
node_free (gpointer data)
{
  Node *node = data;

  milter_recorded_session_free (node->session);
  g_ptr_array_unref (node->pairs);
  g_free (node);
}

static void
waiting_free (gpointer data)
{
  Waiting *waiting = data;

  milter_recorded_message_free (waiting->message);
  g_free (waiting->key);
  g_free (waiting);
}

static guint
node_hash (gconstpointer data)
{
  const Node *node = data;

  return node->connection * 31u + node->number;
}

static gboolean
node_equal (gconstpointer a, gconstpointer b)
{
  const Node *one = a, *other = b;

  return one->connection == other->connection && one->number == other->number;
}

/* by a string */
static GHashTable *
queues_new (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_queue_free);
}

/* @key: (transfer full) */
static void
queues_push (GHashTable *queues, char *key, gpointer item)
{
  GQueue *queue = g_hash_table_lookup (queues, key);

  if (queue == NULL)
    g_hash_table_insert (queues, key, queue = g_queue_new ());
  else
    g_free (key);
  g_queue_push_tail (queue, item);
}

/* the oldest, which is then gone; NULL: there is none */
static gpointer
queues_pop (GHashTable *queues, const char *key)
{
  GQueue *queue = g_hash_table_lookup (queues, key);
  gpointer item = queue != NULL ? g_queue_pop_head (queue) : NULL;

  if (queue != NULL && queue->length == 0)
    g_hash_table_remove (queues, key);
  return item;
}

CompareMatch *
compare_match_new (const MilterCompareRules *rules,
                   gsize max_waiting,
                   void (*ended) (const ComparePair *pair, gpointer data),
                   gpointer data)
{
  CompareMatch *match = g_new0 (CompareMatch, 1);

  match->rules = rules;
  match->max_waiting = max_waiting > 0 ? max_waiting : COMPARE_MATCH_MAX_WAITING;
  match->ended = ended;
  match->data = data;
  match->look_at = FIRST_LOOK;
  match->pairs = g_ptr_array_new_with_free_func (pair_free);
  for (guint side = 0; side < 2; side++)
    {
      match->nodes[side] = g_hash_table_new_full (node_hash, node_equal, NULL, node_free);
      match->by_key[side] = queues_new ();
      match->clients[side] = queues_new ();
    }
  return match;
}

void
compare_match_free (CompareMatch *match)
{
  if (match == NULL)
    return;
  for (guint side = 0; side < 2; side++)
    {
      g_hash_table_unref (match->by_key[side]);
      g_hash_table_unref (match->clients[side]);
      g_queue_clear_full (&match->waiting[side], waiting_free);
      g_hash_table_unref (match->nodes[side]);
    }
  g_ptr_array_unref (match->pairs);
  g_free (match);
}

/* --- pairs ------------------------------------------------------------------------------------- */

static Node *
get_node (CompareMatch *match, guint side, guint connection, guint number)
{
  const Node wanted = { .connection = connection, .number = number };
  Node *node = g_hash_table_lookup (match->nodes[side], &wanted);

  if (node != NULL)
    return node;
  node = g_new0 (Node, 1);
  node->side = side;
  node->connection = connection;
  node->number = number;
  node->pairs = g_ptr_array_new ();
  g_hash_table_insert (match->nodes[side], node, node);
  return node;
}

static Pair *
pair_new (CompareMatch *match, Node *a, Node *b)
{
  Pair *pair = g_new0 (Pair, 1);

  pair->nodes[0] = a;
  pair->nodes[1] = b;
  pair->is_whole = a != NULL && b != NULL;
  pair->told.findings = g_ptr_array_new_with_free_func (finding_free);
  g_ptr_array_add (match->pairs, pair);
  for (guint side = 0; side < 2; side++)
    if (pair->nodes[side] != NULL)
      g_ptr_array_add (pair->nodes[side]->pairs, pair);
  return pair;
}

static Pair *
get_pair (CompareMatch *match, Node *a, Node *b)
{
  for (guint i = 0; i < a->pairs->len; i++)
    {
      Pair *pair = g_ptr_array_index (a->pairs, i);

      if (pair->nodes[1] == b)
        return pair;
    }
  return pair_new (match, a, b);
}

static CompareFinding *
add_finding (Pair *pair, char *message, MilterComparison *comparison)
{
  CompareFinding *finding = g_new0 (CompareFinding, 1);

  finding->message = message;
  finding->comparison = comparison;
  g_ptr_array_add (pair->told.findings, finding);
  return finding;
}

/* A node of which nothing can come any more */
static bool
is_over (const Node *node)
{
  return node == NULL || (node->session != NULL && node->n_waiting == 0);
}

/* of those that are of both recordings */
static bool
is_first (const Pair *pair, const Node *node)
{
  for (guint i = 0; i < node->pairs->len; i++)
    {
      const Pair *other = g_ptr_array_index (node->pairs, i);

      if (other->is_whole)
        return other == pair;
    }
  return false;
}

static void
compare_sessions (CompareMatch *match, Pair *pair)
{
  const MilterRecordedSession *a = pair->nodes[0]->session, *b = pair->nodes[1]->session;
  MilterComparison *comparison = milter_compare_sessions (a, b, match->rules);

  pair->told.session_compared = comparison->not_compared == NULL;
  /* a message tells it better what a recording lacks */
  if (comparison->differences->len > 0
      || (comparison->not_compared != NULL && pair->told.n_not_compared == 0))
    add_finding (pair, /* message= */ NULL, comparison);
  else
    milter_comparison_free (comparison);
}

static void
forget_node (CompareMatch *match, Node *node)
{
  if (node == NULL || !is_over (node))
    return;
  for (guint i = 0; i < node->pairs->len; i++)
    if (!((Pair *) g_ptr_array_index (node->pairs, i))->ended)
      return;
  for (guint i = 0; i < node->pairs->len; i++)
    ((Pair *) g_ptr_array_index (node->pairs, i))->nodes[node->side] = NULL;
  g_hash_table_remove (match->nodes[node->side], node);
}

static void
forget_pair (CompareMatch *match, Pair *pair)
{
  if (pair->ended && pair->nodes[0] == NULL && pair->nodes[1] == NULL)
    g_ptr_array_remove_fast (match->pairs, pair);
}

static void
end_pair (CompareMatch *match, Pair *pair)
{
  Node *nodes[] = { pair->nodes[0], pair->nodes[1] };

  pair->ended = true;
  for (guint side = 0; side < 2; side++)
    pair->told.sessions[side] = nodes[side] != NULL ? nodes[side]->session : NULL;
  /* what belongs to no message is compared once */
  if (pair->is_whole && is_first (pair, nodes[0]) && is_first (pair, nodes[1]))
    compare_sessions (match, pair);
  match->ended (&pair->told, match->data);
  g_ptr_array_set_size (pair->told.findings, 0);
}

/* Pairs whose sessions are both over are told; then they go. */
static void
end_pairs_of (CompareMatch *match, Node *node)
{
  g_autoptr (GPtrArray) pairs = g_ptr_array_copy (node->pairs, NULL, NULL);

  for (guint i = 0; i < pairs->len; i++)
    {
      Pair *pair = g_ptr_array_index (pairs, i);

      if (!pair->ended && is_over (pair->nodes[0]) && is_over (pair->nodes[1]))
        end_pair (match, pair);
    }
  for (guint i = 0; i < pairs->len; i++)
    {
      Pair *pair = g_ptr_array_index (pairs, i);

      for (guint side = 0; side < 2; side++)
        forget_node (match, pair->nodes[side]);
      forget_pair (match, pair);
    }
}

/* --- messages ---------------------------------------------------------------------------------- */

static char *
name_of_message (const MilterRecordedMessage *message)
{
  GString *name = g_string_new (NULL);

  g_string_append_printf (name, "message %u ", message->number);
  milter_text_append_word (
      milter_bytes (message->mail->sender.address->str, message->mail->sender.address->len),
      MILTER_TEXT_SHORT,
      name);
  if (message->message_id != NULL)
    {
      g_string_append (name, ", Message-ID ");
      milter_text_append_word (milter_bytes (message->message_id->str, message->message_id->len),
                               MILTER_TEXT_SHORT,
                               name);
    }
  return g_string_free (name, FALSE);
}

static void
compare_messages (CompareMatch *match, Waiting *a, Waiting *b)
{
  Pair *pair = get_pair (match, a->node, b->node);
  MilterComparison *comparison = milter_compare_messages (a->message, b->message, match->rules);

  if (comparison->not_compared != NULL)
    pair->told.n_not_compared++;
  else
    pair->told.n_compared++;
  if (comparison->not_compared != NULL || comparison->differences->len > 0)
    add_finding (pair, name_of_message (a->message), comparison);
  else
    milter_comparison_free (comparison);
}

static void
insert_waiting (CompareMatch *match, guint side, Waiting *waiting)
{
  queues_push (match->by_key[side], g_strdup (waiting->key), waiting);
  g_queue_push_tail (&match->waiting[side], waiting);
  waiting->link = match->waiting[side].tail;
  match->size[side] += waiting->size;
  waiting->node->n_waiting++;
}

/* It does not wait any more (transfer full). */
static Waiting *
remove_waiting (CompareMatch *match, guint side, Waiting *waiting)
{
  GQueue *queue = g_hash_table_lookup (match->by_key[side], waiting->key);

  g_queue_remove (queue, waiting);
  if (queue->length == 0)
    g_hash_table_remove (match->by_key[side], waiting->key);
  g_queue_delete_link (&match->waiting[side], waiting->link);
  match->size[side] -= waiting->size;
  waiting->node->n_waiting--;
  return waiting;
}

/* Looks for pairs among those that wait. */
static void
match_by (CompareMatch *match, char *(*key_of) (const MilterRecordedMessage *message))
{
  g_autoptr (GHashTable) others = queues_new ();
  GList *next;

  for (GList *node = match->waiting[1].head; node != NULL; node = node->next)
    {
      char *key = key_of (((const Waiting *) node->data)->message);

      if (key != NULL)
        queues_push (others, key, node->data);
    }
  for (GList *node = match->waiting[0].head; node != NULL; node = next)
    {
      Waiting *one = node->data;
      g_autofree char *key = key_of (one->message);
      Waiting *other = key != NULL ? queues_pop (others, key) : NULL;

      next = node->next;
      if (other == NULL)
        continue;
      remove_waiting (match, 0, one);
      remove_waiting (match, 1, other);
      compare_messages (match, one, other);
      end_pairs_of (match, one->node);
      waiting_free (one);
      waiting_free (other);
    }
}

static void
tell_alone (CompareMatch *match, guint side, Waiting *waiting, bool gave_up)
{
  Node *node = waiting->node;
  Pair *pair;
  CompareFinding *finding;

  if (node->pairs->len == 0)
    pair_new (match, side == 0 ? node : NULL, side == 1 ? node : NULL);
  pair = g_ptr_array_index (node->pairs, 0);
  finding = add_finding (pair, name_of_message (waiting->message), /* comparison= */ NULL);
  finding->side = side;
  finding->at = waiting->message->began;
  finding->gave_up = gave_up;
  pair->told.n_alone++;
}

/* the oldest of the side of which most waits */
static void
give_up_oldest (CompareMatch *match)
{
  guint side = match->size[1] > match->size[0];
  Waiting *waiting = remove_waiting (match, side, g_queue_peek_head (&match->waiting[side]));

  tell_alone (match, side, waiting, /* gave_up= */ true);
  waiting_free (waiting);
}

static void
keep_limits (CompareMatch *match)
{
  if (match->waiting[0].length + match->waiting[1].length >= match->look_at)
    {
      match_by (match, compare_key_of_message);
      match->look_at = MAX (FIRST_LOOK, 2 * (match->waiting[0].length + match->waiting[1].length));
    }
  while (match->size[0] + match->size[1] > match->max_waiting)
    give_up_oldest (match);
}

void
compare_match_take_message (CompareMatch *match,
                            guint side,
                            const MilterRecordedSession *session,
                            MilterRecordedMessage *message)
{
  Waiting *waiting = g_new0 (Waiting, 1);
  GQueue *queue;
  Waiting *other;
  Node *node;

  waiting->message = message;
  waiting->node = get_node (match, side, message->connection, message->session);
  waiting->key = compare_key_at_first_sight (message, session);
  waiting->size = message->kept + MESSAGE_SIZE;
  queue = g_hash_table_lookup (match->by_key[!side], waiting->key);
  if (queue == NULL)
    {
      insert_waiting (match, side, waiting);
      keep_limits (match);
      return;
    }
  other = remove_waiting (match, !side, g_queue_peek_head (queue));
  node = other->node;
  compare_messages (match, side == 0 ? waiting : other, side == 0 ? other : waiting);
  waiting_free (waiting);
  waiting_free (other);
  end_pairs_of (match, node);
}

/* --- sessions ---------------------------------------------------------------------------------- */

static int
compare_nodes (gconstpointer a, gconstpointer b)
{
  const Node *one = *(const Node *const *) a, *other = *(const Node *const *) b;

  if (one->connection != other->connection)
    return one->connection < other->connection ? -1 : 1;
  return (one->number > other->number) - (one->number < other->number);
}

/* the sessions of a side that belong to no other, in order */
static GPtrArray *
list_alone (CompareMatch *match, guint side)
{
  GPtrArray *nodes = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer node;

  g_hash_table_iter_init (&iter, match->nodes[side]);
  while (g_hash_table_iter_next (&iter, &node, NULL))
    if (((Node *) node)->pairs->len == 0)
      g_ptr_array_add (nodes, node);
  g_ptr_array_sort (nodes, compare_nodes);
  return nodes;
}

static void
match_sessions_by (CompareMatch *match,
                   char *(*key_of) (const MilterRecordedSession *session))
{
  g_autoptr (GPtrArray) ours = list_alone (match, 0);
  g_autoptr (GPtrArray) theirs = list_alone (match, 1);
  g_autoptr (GHashTable) others = queues_new ();

  for (guint i = 0; i < theirs->len; i++)
    {
      Node *node = g_ptr_array_index (theirs, i);
      char *key = key_of (node->session);

      if (key != NULL)
        queues_push (others, key, node);
    }
  for (guint i = 0; i < ours->len; i++)
    {
      Node *node = g_ptr_array_index (ours, i);
      g_autofree char *key = key_of (node->session);
      Node *other = key != NULL ? queues_pop (others, key) : NULL;

      if (other != NULL)
        pair_new (match, node, other);
    }
}

void
compare_match_take_session (CompareMatch *match, guint side, MilterRecordedSession *session)
{
  Node *node = get_node (match, side, session->connection, session->number);
  g_autofree char *key = NULL;
  Node *other;

  node->session = session;
  if (session->n_messages > 0)
    {
      end_pairs_of (match, node);
      return;
    }
  key = compare_key_of_client (session);
  other = queues_pop (match->clients[!side], key);
  if (other == NULL)
    {
      queues_push (match->clients[side], g_steal_pointer (&key), node);
      return;
    }
  pair_new (match, side == 0 ? node : other, side == 0 ? other : node);
  end_pairs_of (match, node);
}

guint
compare_match_get_n_waiting (const CompareMatch *match, guint side)
{
  return match->waiting[side].length;
}

/* --- the end ----------------------------------------------------------------------------------- */

static int
compare_pairs (gconstpointer a, gconstpointer b)
{
  const Pair *one = *(const Pair *const *) a, *other = *(const Pair *const *) b;

  for (guint side = 0; side < 2; side++)
    if (one->nodes[side] != NULL && other->nodes[side] != NULL)
      return compare_nodes (&one->nodes[side], &other->nodes[side]);
  return (one->nodes[0] == NULL) - (other->nodes[0] == NULL);
}

void
compare_match_finish (CompareMatch *match)
{
  static char *(*const keys[]) (const MilterRecordedMessage *message) = {
    compare_key_of_message,
    compare_key_of_message_id_and_sender,
    compare_key_of_message_id,
    compare_key_of_envelope,
    compare_key_of_sender,
  };
  g_autoptr (GPtrArray) pairs = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    match_by (match, keys[i]);
  match_sessions_by (match, compare_key_of_client);
  match_sessions_by (match, compare_key_of_order);
  for (guint side = 0; side < 2; side++)
    {
      Waiting *waiting;
      g_autoptr (GPtrArray) alone = NULL;

      while ((waiting = g_queue_peek_head (&match->waiting[side])) != NULL)
        {
          tell_alone (match, side, remove_waiting (match, side, waiting), /* gave_up= */ false);
          waiting_free (waiting);
        }
      alone = list_alone (match, side);
      for (guint i = 0; i < alone->len; i++)
        pair_new (match,
                  side == 0 ? g_ptr_array_index (alone, i) : NULL,
                  side == 1 ? g_ptr_array_index (alone, i) : NULL);
    }
  pairs = g_ptr_array_copy (match->pairs, NULL, NULL);
  g_ptr_array_set_free_func (pairs, NULL); /* the copy has taken it over */
  g_ptr_array_sort (pairs, compare_pairs);
  for (guint i = 0; i < pairs->len; i++)
    if (!((Pair *) g_ptr_array_index (pairs, i))->ended)
      end_pair (match, g_ptr_array_index (pairs, i));
}
