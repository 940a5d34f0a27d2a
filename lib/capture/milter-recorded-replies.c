/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-recorded-replies.c: what a milter says: which command it answers, and what it decides.
 */
#include "milter-recorded-private.h"

/* replies that answer nothing are told so many times */
#define MAX_UNASKED 64u

static void
note_unasked (MilterBuilding *building, guint8 letter)
{
  GString *unasked = building->session->unasked;

  /* behind a hole it may well have been asked for */
  if (!building->doubtful && unasked->len < MAX_UNASKED)
    g_string_append_c (unasked, (char) letter);
}

static void
add_edit (MilterBuilding *building,
          MilterRecordedMessage *message,
          const MilterMessage *reply,
          const MilterCaptureMoment *moment)
{
  MilterRecordedEdit *edit = NULL;

  if (message->edits->len > 0)
    edit = g_ptr_array_index (message->edits, message->edits->len - 1);
  if (edit == NULL || edit->letter != MILTER_REPLY_REPLACE_BODY || reply->letter != edit->letter)
    {
      gsize size = reply->letter == MILTER_REPLY_REPLACE_BODY ? 0 : reply->payload.size;

      milter_building_finish_bodies (message);
      if (!milter_building_must_keep (building, message, size))
        return;
      edit = milter_recorded_edit_new (reply, moment);
      g_ptr_array_add (message->edits, edit);
    }
  else
    edit->count++;
  if (reply->letter == MILTER_REPLY_REPLACE_BODY)
    milter_building_append_body (building, message, &edit->body, reply->payload);
}

static void
take_edit (MilterBuilding *building, const MilterMessage *reply, const MilterCaptureMoment *moment)
{
  const MilterBuildingDue *due
      = building->due.n > 0 ? milter_building_due_at (&building->due, 0) : NULL;

  milter_session_reply (&building->rules, reply, /* error= */ NULL);
  if (due == NULL || due->message == NULL || due->command->letter != MILTER_COMMAND_END_OF_MESSAGE)
    {
      note_unasked (building, reply->letter);
      return;
    }
  due->message->ended = *moment;
  if (reply->letter == MILTER_REPLY_PROGRESS)
    due->message->n_progress++;
  else
    add_edit (building, due->message, reply, moment);
}

static void
take_agreement (MilterBuilding *building, const MilterMessage *reply)
{
  MilterRecordedSession *session = building->session;
  MilterBytes symbols = milter_building_field (reply, 3);

  if (reply->letter != MILTER_REPLY_NEGOTIATE || !milter_session_has_field (reply, 2))
    return;
  session->has_answer = true;
  session->answer
      = (MilterOffer){ reply->fields[0].number, reply->fields[1].number, reply->fields[2].number };
  session->agreed = building->rules.agreed;
  building->negotiated = true;
  if (symbols.size == 0 || !milter_building_must_keep (building, /* message= */ NULL, symbols.size))
    return;
  g_clear_pointer (&session->symbols, g_byte_array_unref);
  session->symbols = g_byte_array_new ();
  g_byte_array_append (session->symbols, symbols.data, (guint) symbols.size);
}

/* what a final reply means, by the command that it answers (milter-protocol 3.2, 3.3) */
typedef enum
{
  GO_ON,
  DECIDE_MESSAGE, /* … and what was sent ahead of it is not answered */
  DECIDE_CLIENT
} Effect;

static Effect
effect_of (guint8 command, const MilterMessage *reply)
{
  bool hangs_up = reply->letter == MILTER_REPLY_SHUTDOWN
                  || (reply->letter == MILTER_REPLY_REPLY_CODE && reply->payload.size >= 3
                      && memcmp (reply->payload.data, "421", 3) == 0);

  if (command == MILTER_COMMAND_NEGOTIATE)
    return GO_ON;
  if (command == MILTER_COMMAND_END_OF_MESSAGE)
    return DECIDE_MESSAGE;
  if (reply->letter == MILTER_REPLY_CONTINUE)
    return GO_ON;
  if (hangs_up)
    return DECIDE_CLIENT;
  if (milter_session_letter_in (command, "CH"))
    return milter_session_letter_in (reply->letter, "arty") ? DECIDE_CLIENT : GO_ON;
  if (command == MILTER_COMMAND_ENVELOPE_RECIPIENT)
    return milter_session_letter_in (reply->letter, "ad") ? DECIDE_MESSAGE : GO_ON;
  if (command == MILTER_COMMAND_UNKNOWN)
    return reply->letter == MILTER_REPLY_ACCEPT ? DECIDE_MESSAGE : GO_ON;
  return milter_session_letter_in (reply->letter, "ardty") ? DECIDE_MESSAGE : GO_ON;
}

/* what was sent ahead of a message that is decided is not answered any more; UNKNOWN is */
static void
drop_due (MilterBuilding *building, const MilterRecordedMessage *message)
{
  guint kept = 0;

  for (guint i = 0; i < building->due.n; i++)
    {
      MilterBuildingDue due = *milter_building_due_at (&building->due, i);

      if (due.message != message || due.command->letter == MILTER_COMMAND_UNKNOWN)
        *milter_building_due_at (&building->due, kept++) = due;
      else
        milter_building_give_up_due (&due, building, MILTER_RECORDED_DROPPED);
    }
  building->due.n = kept;
}

static void
decide (MilterBuilding *building, const MilterBuildingDue *due, const MilterMessage *reply)
{
  Effect effect = effect_of (due->command->letter, reply);
  MilterRecordedMessage *message = due->message;

  if (effect == GO_ON)
    return;
  if (message == NULL)
    {
      building->session->verdict = reply->letter;
      building->session->verdict_command = due->command->letter;
      return;
    }
  message->verdict = reply->letter;
  message->verdict_command = due->command->letter;
  message->verdict_text = due->command->text;
  if (message->end == MILTER_RECORDED_OPEN)
    message->end = due->command->letter == MILTER_COMMAND_END_OF_MESSAGE ? MILTER_RECORDED_COMPLETE
                                                                         : MILTER_RECORDED_DECIDED;
  if (effect == DECIDE_MESSAGE)
    drop_due (building, message);
}

static void
answer (MilterBuilding *building,
        MilterBuildingDue *due,
        MilterRecordedAnswer how,
        const MilterMessage *reply,
        const MilterCaptureMoment *moment)
{
  MilterRecordedCommand *command = due->command;

  command->answer = how;
  command->reply = reply->letter;
  command->replied = *moment;
  command->latency_ns = MAX (moment->time_ns - command->sent.time_ns, 0);
  if (reply->letter == MILTER_REPLY_REPLY_CODE
      && milter_building_must_keep (building, due->message, reply->payload.size))
    {
      command->text = milter_building_string (reply->payload);
      /* the NUL that ends it */
      if (command->text->len > 0 && command->text->str[command->text->len - 1] == '\0')
        g_string_truncate (command->text, command->text->len - 1);
    }
  if (due->message != NULL)
    due->message->ended = *moment;
  milter_building_tell_answered (building, due);
  decide (building, due, reply);
  milter_building_join_last (building, due);
}

static void
take_final (MilterBuilding *building, const MilterMessage *reply, const MilterCaptureMoment *moment)
{
  MilterBuildingDue last = building->last;
  MilterBuildingDue due;
  bool any = milter_building_due_pop (&building->due, &due);

  milter_session_reply (&building->rules, reply, /* error= */ NULL);
  if (any)
    {
      if (due.message != NULL)
        due.message->n_due--;
      if (due.command->letter == MILTER_COMMAND_NEGOTIATE)
        take_agreement (building, reply);
      answer (building, &due, MILTER_RECORDED_ANSWERED, reply, moment);
      milter_building_settle (building);
    }
  else if (!building->doubtful && last.command != NULL && last.command->count == 1
           && last.command->answer == MILTER_RECORDED_NOT_DUE)
    answer (building, &last, MILTER_RECORDED_UNASKED, reply, moment);
  else
    note_unasked (building, reply->letter);
}

void
milter_building_take_reply (MilterBuilding *building,
                            const MilterMessage *reply,
                            const MilterCaptureMoment *moment)
{
  MilterReplyKind kind = reply->spec != NULL ? reply->spec->kind : MILTER_REPLY_KIND_FINAL;

  if (kind == MILTER_REPLY_KIND_EDIT || kind == MILTER_REPLY_KIND_PROGRESS)
    take_edit (building, reply, moment);
  else
    take_final (building, reply, moment);
}
