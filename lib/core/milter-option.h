/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-option.h: the offer of an MTA or the answer of a milter, as programs hold it.
 */
#pragma once

#include <glib-object.h>

#include "milter-enums.h"
#include "milter-version-macros.h"

G_BEGIN_DECLS

#define MILTER_TYPE_OPTION (milter_option_get_type ())
/**
 * MilterOption:
 *
 * Protocol version, actions and steps of a negotiation. Bits without a name are kept.
 */
MILTER_AVAILABLE G_DECLARE_FINAL_TYPE (MilterOption, milter_option, MILTER, OPTION, GObject)

MILTER_AVAILABLE MilterOption *milter_option_new (guint32 version,
                                                  MilterActionFlags action,
                                                  MilterStepFlags step);
MILTER_AVAILABLE MilterOption *milter_option_new_empty (void);
MILTER_AVAILABLE MilterOption *milter_option_copy (MilterOption *option);
MILTER_AVAILABLE gboolean milter_option_equal (MilterOption *option1, MilterOption *option2);
MILTER_AVAILABLE guint32 milter_option_get_version (MilterOption *option);
MILTER_AVAILABLE void milter_option_set_version (MilterOption *option, guint32 version);
MILTER_AVAILABLE MilterActionFlags milter_option_get_action (MilterOption *option);
MILTER_AVAILABLE void milter_option_set_action (MilterOption *option, MilterActionFlags action);
MILTER_AVAILABLE void milter_option_add_action (MilterOption *option, MilterActionFlags action);
MILTER_AVAILABLE void milter_option_remove_action (MilterOption *option,
                                                   MilterActionFlags action);
MILTER_AVAILABLE MilterStepFlags milter_option_get_step (MilterOption *option);
MILTER_AVAILABLE MilterStepFlags milter_option_get_step_no_event (MilterOption *option);
MILTER_AVAILABLE MilterStepFlags milter_option_get_step_no_reply (MilterOption *option);
MILTER_AVAILABLE MilterStepFlags milter_option_get_step_no (MilterOption *option);
MILTER_AVAILABLE MilterStepFlags milter_option_get_step_yes (MilterOption *option);
MILTER_AVAILABLE void milter_option_set_step (MilterOption *option, MilterStepFlags step);
MILTER_AVAILABLE void milter_option_add_step (MilterOption *option, MilterStepFlags step);
MILTER_AVAILABLE void milter_option_remove_step (MilterOption *option, MilterStepFlags step);
MILTER_AVAILABLE gboolean milter_option_combine (MilterOption *dest, MilterOption *src);
MILTER_AVAILABLE gboolean milter_option_merge (MilterOption *dest, MilterOption *src);
MILTER_AVAILABLE char *milter_option_inspect (MilterOption *option);

G_END_DECLS
