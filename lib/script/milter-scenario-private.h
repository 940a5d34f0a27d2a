/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-scenario-private.h: how the parser builds a scenario.
 */
#pragma once

#include "milter-scenario.h"
#include "milter-tokens.h"

G_BEGIN_DECLS

MilterScenario *milter_scenario_new (const char *path);
/* @name: (transfer full) (nullable): called by its number without one; (transfer none) */
MilterScenarioSession *milter_scenario_add_session (MilterScenario *scenario,
                                                    const MilterWhere *where,
                                                    char *name);
/* Empty nodes, owned by nobody yet; the arrays of the scenario free what is added to them. */
MilterRule *milter_rule_new (void);
MilterRequirement *milter_requirement_new (void);
MilterScenarioCase *milter_case_new (void);
MilterSmtpStep *milter_smtp_step_new (void);
void milter_smtp_step_free (MilterSmtpStep *step);
void milter_mta_check_free (MilterMtaCheck *check);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterMtaCheck, milter_mta_check_free)

/* (transfer none) the name of a file that places point to */
const char *milter_scenario_keep_path (MilterScenario *scenario, const char *path);

/* ---- milter-template.c ---- */

void milter_template_free (MilterTemplate *template_);

/* milter_scenario_parse() that notes, in @tokens (nullable), the words of the file itself */
MilterScenario *milter_scenario_parse_noting (const char *path,
                                              const char *text,
                                              gsize size,
                                              const MilterScenarioHost *host,
                                              MilterScenarioUse use,
                                              MilterTokens *tokens,
                                              GString *messages);

/* (transfer full) A digest of all that a scenario says, without where it says it: two scenarios that
 * are played alike have the same. */
char *milter_scenario_get_digest (const MilterScenario *scenario);

G_END_DECLS
