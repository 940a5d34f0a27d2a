/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-option.c: three numbers as an object, and how those of two sides or of several milters
 * come together.
 */
#include "milter-option.h"

#include "milter-enum-types.h"
#include "milter-flags.h"
#include "milter-option-private.h"
#include "milter-utils.h"

struct _MilterOption
{
  GObject parent_instance;

  guint32 version;
  guint32 action;
  guint32 step;
  MilterOptionWord words_set;
};

G_DEFINE_TYPE (MilterOption, milter_option, G_TYPE_OBJECT)

enum
{
  PROP_VERSION = 1,
  PROP_ACTION,
  PROP_STEP,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

static void
milter_option_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  MilterOption *option = MILTER_OPTION (object);

  switch (id)
    {
    case PROP_VERSION:
      g_value_set_uint (value, option->version);
      break;
    case PROP_ACTION:
      g_value_set_flags (value, option->action);
      break;
    case PROP_STEP:
      g_value_set_flags (value, option->step);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
milter_option_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  MilterOption *option = MILTER_OPTION (object);

  switch (id)
    {
    case PROP_VERSION:
      milter_option_set_version (option, g_value_get_uint (value));
      break;
    case PROP_ACTION:
      milter_option_set_action (option, g_value_get_flags (value));
      break;
    case PROP_STEP:
      milter_option_set_step (option, g_value_get_flags (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
milter_option_class_init (MilterOptionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = milter_option_get_property;
  object_class->set_property = milter_option_set_property;

  /**
   * MilterOption:version:
   *
   * The protocol version.
   */
  properties[PROP_VERSION] = g_param_spec_uint ("version", NULL, NULL, 0, G_MAXUINT32, 0, flags);
  /**
   * MilterOption:action:
   *
   * The actions. A flags property carries named bits only; see milter_option_get_action().
   */
  properties[PROP_ACTION]
      = g_param_spec_flags ("action", NULL, NULL, MILTER_TYPE_ACTION_FLAGS, 0, flags);
  /**
   * MilterOption:step:
   *
   * The steps, as above.
   */
  properties[PROP_STEP] = g_param_spec_flags ("step", NULL, NULL, MILTER_TYPE_STEP_FLAGS, 0, flags);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
milter_option_init (MilterOption *option)
{
}

/**
 * milter_option_new:
 * @version: protocol version, 2 to 6
 * @action: actions
 * @step: steps
 *
 * Returns: (transfer full): a new option
 */
MilterOption *
milter_option_new (guint32 version, MilterActionFlags action, MilterStepFlags step)
{
  MilterOption *option = milter_option_new_empty ();

  option->version = version;
  option->action = action;
  option->step = step;
  return option;
}

/**
 * milter_option_new_empty:
 *
 * Returns: (transfer full): a new option of version 0 with neither actions nor steps
 */
MilterOption *
milter_option_new_empty (void)
{
  return g_object_new (MILTER_TYPE_OPTION, NULL);
}

/**
 * milter_option_copy:
 * @option: an option
 *
 * Returns: (transfer full): another one that is equal to it
 */
MilterOption *
milter_option_copy (MilterOption *option)
{
  g_return_val_if_fail (MILTER_IS_OPTION (option), NULL);

  return milter_option_new (option->version, option->action, option->step);
}

/**
 * milter_option_equal:
 * @option1: (nullable): an option
 * @option2: (nullable): an option
 *
 * Returns: whether version, actions and steps are the same; two times %NULL is
 */
gboolean
milter_option_equal (MilterOption *option1, MilterOption *option2)
{
  if (option1 == option2)
    return TRUE;
  if (option1 == NULL || option2 == NULL)
    return FALSE;
  g_return_val_if_fail (MILTER_IS_OPTION (option1) && MILTER_IS_OPTION (option2), FALSE);

  return option1->version == option2->version && option1->action == option2->action
         && option1->step == option2->step;
}

MilterOptionWord
_milter_option_get_words_set (MilterOption *option)
{
  return option->words_set;
}

void
_milter_option_forget_words_set (MilterOption *option)
{
  option->words_set = 0;
}

static void
set_number (MilterOption *option, guint32 *member, guint32 number, guint property)
{
  option->words_set |= MILTER_OPTION_WORD_VERSION << (property - PROP_VERSION);
  if (*member == number)
    return;
  *member = number;
  g_object_notify_by_pspec (G_OBJECT (option), properties[property]);
}

/**
 * milter_option_get_version:
 * @option: an option
 *
 * Returns: the protocol version
 */
guint32
milter_option_get_version (MilterOption *option)
{
  g_return_val_if_fail (MILTER_IS_OPTION (option), 0);

  return option->version;
}

/**
 * milter_option_set_version:
 * @option: an option
 * @version: protocol version
 */
void
milter_option_set_version (MilterOption *option, guint32 version)
{
  g_return_if_fail (MILTER_IS_OPTION (option));

  set_number (option, &option->version, version, PROP_VERSION);
}

/**
 * milter_option_get_action:
 * @option: an option
 *
 * Returns: the actions, also bits without a name
 */
MilterActionFlags
milter_option_get_action (MilterOption *option)
{
  g_return_val_if_fail (MILTER_IS_OPTION (option), 0);

  return option->action;
}

/**
 * milter_option_set_action:
 * @option: an option
 * @action: what replaces its actions
 */
void
milter_option_set_action (MilterOption *option, MilterActionFlags action)
{
  g_return_if_fail (MILTER_IS_OPTION (option));

  set_number (option, &option->action, action, PROP_ACTION);
}

/**
 * milter_option_add_action:
 * @option: an option
 * @action: actions to set beside those that are set
 */
void
milter_option_add_action (MilterOption *option, MilterActionFlags action)
{
  g_return_if_fail (MILTER_IS_OPTION (option));

  set_number (option, &option->action, option->action | action, PROP_ACTION);
}

/**
 * milter_option_remove_action:
 * @option: an option
 * @action: actions to clear
 */
void
milter_option_remove_action (MilterOption *option, MilterActionFlags action)
{
  g_return_if_fail (MILTER_IS_OPTION (option));

  set_number (option, &option->action, option->action & ~(guint32) action, PROP_ACTION);
}

/**
 * milter_option_get_step:
 * @option: an option
 *
 * Returns: the steps, also bits without a name
 */
MilterStepFlags
milter_option_get_step (MilterOption *option)
{
  g_return_val_if_fail (MILTER_IS_OPTION (option), 0);

  return option->step;
}

/**
 * milter_option_get_step_no_event:
 * @option: an option
 *
 * Returns: those of its steps that suppress a command
 */
MilterStepFlags
milter_option_get_step_no_event (MilterOption *option)
{
  return milter_option_get_step (option) & MILTER_STEP_NO_EVENT_MASK;
}

/**
 * milter_option_get_step_no_reply:
 * @option: an option
 *
 * Returns: those of its steps that suppress a reply
 */
MilterStepFlags
milter_option_get_step_no_reply (MilterOption *option)
{
  return milter_option_get_step (option) & MILTER_STEP_NO_REPLY_MASK;
}

/**
 * milter_option_get_step_no:
 * @option: an option
 *
 * Returns: those of its steps that suppress a command or a reply
 */
MilterStepFlags
milter_option_get_step_no (MilterOption *option)
{
  return milter_option_get_step (option) & MILTER_STEP_NO_MASK;
}

/**
 * milter_option_get_step_yes:
 * @option: an option
 *
 * Returns: those of its steps that ask for something
 */
MilterStepFlags
milter_option_get_step_yes (MilterOption *option)
{
  return milter_option_get_step (option) & MILTER_STEP_YES_MASK;
}

/**
 * milter_option_set_step:
 * @option: an option
 * @step: what replaces its steps
 */
void
milter_option_set_step (MilterOption *option, MilterStepFlags step)
{
  g_return_if_fail (MILTER_IS_OPTION (option));

  set_number (option, &option->step, step, PROP_STEP);
}

/**
 * milter_option_add_step:
 * @option: an option
 * @step: steps to set beside those that are set
 */
void
milter_option_add_step (MilterOption *option, MilterStepFlags step)
{
  g_return_if_fail (MILTER_IS_OPTION (option));

  set_number (option, &option->step, option->step | step, PROP_STEP);
}

/**
 * milter_option_remove_step:
 * @option: an option
 * @step: steps to clear
 */
void
milter_option_remove_step (MilterOption *option, MilterStepFlags step)
{
  g_return_if_fail (MILTER_IS_OPTION (option));

  set_number (option, &option->step, option->step & ~(guint32) step, PROP_STEP);
}

/**
 * milter_option_combine:
 * @dest: an offer, which becomes what holds
 * @src: the answer to it
 *
 * Makes of an offer and its answer what both sides know: the answer's version, and the actions and
 * steps that are in both.
 *
 * Returns: %FALSE, with @dest as it was, if @src has a newer version than @dest
 */
gboolean
milter_option_combine (MilterOption *dest, MilterOption *src)
{
  g_return_val_if_fail (MILTER_IS_OPTION (dest), FALSE);
  g_return_val_if_fail (MILTER_IS_OPTION (src), FALSE);

  if (src->version > dest->version)
    return FALSE;
  milter_option_set_version (dest, src->version);
  milter_option_set_action (dest, dest->action & src->action);
  milter_option_set_step (dest, dest->step & src->step);
  return TRUE;
}

/**
 * milter_option_merge:
 * @dest: what one milter answered, which becomes what one milter in place of both would answer
 * @src: what another milter answered
 *
 * Makes of the answers of two milters one that serves both: the lower version; the actions of
 * either; a command or a reply is suppressed only if both suppress it; what either asks for is
 * asked for. Steps without a name are kept if both have them.
 *
 * Returns: %TRUE
 */
gboolean
milter_option_merge (MilterOption *dest, MilterOption *src)
{
  const guint32 yes = MILTER_STEP_YES_MASK;

  g_return_val_if_fail (MILTER_IS_OPTION (dest), FALSE);
  g_return_val_if_fail (MILTER_IS_OPTION (src), FALSE);

  milter_option_set_version (dest, MIN (dest->version, src->version));
  milter_option_set_action (dest, dest->action | src->action);
  milter_option_set_step (dest, (dest->step & src->step & ~yes) | ((dest->step | src->step) & yes));
  return TRUE;
}

/**
 * milter_option_inspect:
 * @option: an option
 *
 * Returns: (transfer full): the option as text for people
 */
char *
milter_option_inspect (MilterOption *option)
{
  g_autofree char *action = NULL;
  g_autofree char *step = NULL;

  g_return_val_if_fail (MILTER_IS_OPTION (option), NULL);

  action = milter_utils_get_flags_names (MILTER_TYPE_ACTION_FLAGS, option->action);
  step = milter_utils_get_flags_names (MILTER_TYPE_STEP_FLAGS, option->step);
  return g_strdup_printf (
      "#<MilterOption version=<%u> action=<%s> step=<%s>>", option->version, action, step);
}
