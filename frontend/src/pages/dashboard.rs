//! The dashboard: first what needs a person, then the totals, then the lists.

use crate::format::use_formats;
use crate::i18n::use_words;
use crate::panels::totals::{self, Total};
use crate::panels::{
    AttentionPanel, ByStatusPanel, OrdersSummaryPanel, RecentPanel, TopClientsPanel, TopServicesPanel,
    TopTechniciansPanel, UsersSummaryPanel,
};
use crate::store::Panels;
use shared::{Metric, PerMetric};
use yew::{Callback, Html, Properties, component, html, use_memo};

#[derive(PartialEq, Properties)]
pub struct DashboardProps {
    pub panels: Panels,
    pub on_retry: Callback<Metric>,
}

#[component]
pub fn DashboardPage(props: &DashboardProps) -> Html {
    let (words, formats) = (use_words(), use_formats());
    // Made once, so that a panel whose metric did not change has equal props and is skipped.
    let retry = use_memo(props.on_retry.clone(), |on_retry| {
        PerMetric::from_fn(|metric| on_retry.reform(move |()| metric))
    });
    let retry = |metric: Metric| retry[metric].clone();
    let panels = &props.panels;
    html! {
        <main class="main" id="main">
            <div class="head"><h1>{ words.dashboard }</h1><p>{ words.dashboard_subtitle }</p></div>
            <AttentionPanel data={panels.orders_by_status.clone()} on_retry={retry(Metric::OrdersByStatus)} />
            <section class="grid" aria-labelledby="p-totals"><h2 id="p-totals" class="vh">{ words.totals }</h2>
                <Total ..totals::active_orders(&panels.orders_overview, words, &formats) />
                <Total ..totals::revenue(&panels.orders_revenue, words, &formats) />
                <Total ..totals::clients(&panels.users_overview, words, &formats) />
                <Total ..totals::technicians(&panels.users_overview, words, &formats) />
            </section>
            <div class="grid">
                <ByStatusPanel data={panels.orders_by_status.clone()} on_retry={retry(Metric::OrdersByStatus)} />
                <TopServicesPanel data={panels.orders_top_services.clone()} on_retry={retry(Metric::OrdersTopServices)} />
                <RecentPanel data={panels.orders_recent.clone()} on_retry={retry(Metric::OrdersRecent)} />
                <TopTechniciansPanel data={panels.users_top_technicians.clone()} on_retry={retry(Metric::UsersTopTechnicians)} />
                <TopClientsPanel data={panels.users_top_clients.clone()} on_retry={retry(Metric::UsersTopClients)} />
            </div>
            <div class="grid halves">
                <OrdersSummaryPanel data={panels.orders_overview.clone()} revenue={panels.orders_revenue.clone()} on_retry={retry(Metric::OrdersOverview)} />
                <UsersSummaryPanel data={panels.users_overview.clone()} on_retry={retry(Metric::UsersOverview)} />
            </div>
        </main>
    }
}
