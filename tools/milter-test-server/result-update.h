/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * result-update.h: --update, which writes what came into the files of `=> result FILE`.
 */
#pragma once

#include "milter-player.h"
#include "report.h"

G_BEGIN_DECLS

typedef struct _ResultUpdate ResultUpdate;

ResultUpdate *result_update_new (void);
void result_update_free (ResultUpdate *update);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ResultUpdate, result_update_free)

/* If nothing of the session failed but results that stand in files, writes these, with notes that show
 * what has changed. TRUE: the session holds now. Else a note says why a file was left as it is. */
bool result_update_apply (ResultUpdate *update, const MilterPlayer *player, ReportCase *report_case);

G_END_DECLS
