//! Each panel in each state, rendered on the host and read.

use super::*;
use crate::i18n::{ENGLISH, SPANISH};
use crate::pages::DashboardPage;
use crate::rendering::{rendered, text};
use crate::store::Panels;
use shared::*;
use std::rc::Rc;
use yew::{BaseComponent, ContextProvider, component};

fn panel<T>(value: Option<T>, condition: Condition) -> PanelProps<T> {
    PanelProps {
        data: Panel { value: value.map(Rc::new), condition, cause: None },
        on_retry: Callback::noop(),
    }
}

fn ready<T>(value: T) -> PanelProps<T> {
    panel(Some(value), Condition::Ready)
}

fn clients() -> UsersTopClients {
    let client = |name: &str, orders: u64, cents: i64| TopClient {
        id: name.into(),
        name: name.into(),
        email: None,
        total_orders: orders,
        total_spent: Money::from_cents(cents),
    };
    UsersTopClients {
        top_clients: vec![
            client("Distribuidora Andrade e Hijos Cía. Ltda.", 64, 1_981_240),
            client("<b>&\"'", 1, 0),
        ],
    }
}

#[tokio::test]
async fn a_panel_says_what_it_has_and_in_the_right_number() {
    let html = rendered::<TopClientsPanel>(ready(clients())).await;
    assert!(
        html.contains("title=\"Distribuidora Andrade e Hijos Cía. Ltda.\""),
        "a long name can be read whole"
    );
    assert!(html.contains("&lt;b&gt;&amp;") && !html.contains("<b>&"), "names are text: {html}");
    let text = text(&html);
    assert!(text.contains("$19.812,40") && text.contains("64 órdenes") && text.contains("1 orden"), "{text}");
}

fn failed() -> Condition {
    Condition::Failed { at: "2026-11-24T15:42:00.000Z".into() }
}

/// A panel in each state, by what a person reads.
async fn in_every_state<C, T>(title: &str, value: T, shown: &str, empty: T, nothing: &str)
where
    C: BaseComponent<Properties = PanelProps<T>>,
    T: Clone + 'static,
{
    let check = async |props: PanelProps<T>, expected: &str| {
        let html = rendered::<C>(props).await;
        let text = text(&html);
        assert!(text.starts_with(title), "the title stays: {text}");
        assert!(text.contains(expected), "{expected}: {text}");
        assert!(html.contains("data-size="), "it keeps its place: {html}");
    };
    check(panel(None, Condition::Loading), "Cargando…").await;
    check(ready(value.clone()), shown).await;
    check(ready(empty), nothing).await;
    check(panel(Some(value.clone()), failed()), "No se pudo actualizar · 10:42 · Reintentar").await;
    check(panel(Some(value.clone()), failed()), shown).await;
    check(
        panel(None, failed()),
        "No se pudo cargar El servidor no respondió. Se sigue intentando. Reintentar",
    )
    .await;
    check(panel(Some(value), Condition::Forbidden), "Sin permiso Tu cuenta no puede ver estos datos.").await;
    check(panel(None, Condition::Absent), "No disponible Este servidor no ofrece estos datos.").await;
}

#[tokio::test]
async fn every_panel_says_in_which_state_it_is() {
    in_every_state::<TopClientsPanel, _>(
        "Top Clientes",
        clients(),
        "$19.812,40",
        UsersTopClients::default(),
        "Aún no hay clientes",
    )
    .await;
    in_every_state::<TopTechniciansPanel, _>(
        "Mejores Técnicos",
        UsersTopTechnicians { top_technicians: vec![technician()] },
        "Celulares",
        UsersTopTechnicians::default(),
        "Aún no hay técnicos",
    )
    .await;
    in_every_state::<TopServicesPanel, _>(
        "Servicios Principales",
        OrdersTopServices { top_services: vec![service("Limpieza", 412)] },
        "412 servicios",
        OrdersTopServices::default(),
        "Aún no hay servicios",
    )
    .await;
    in_every_state::<ByStatusPanel, _>(
        "Órdenes por Estado",
        by_status([6, 4, 38, 12, 0, 5, 1412]),
        "En Revisión 6",
        by_status([0; 7]),
        "Aún no hay órdenes",
    )
    .await;
    in_every_state::<RecentPanel, _>(
        "Actividad Reciente",
        OrdersRecent { recent_orders: vec![order("123e4567-e89b")] },
        "#123e4567",
        OrdersRecent::default(),
        "Aún no hay órdenes",
    )
    .await;
    in_every_state::<UsersSummaryPanel, _>(
        "Resumen de Usuarios",
        UsersOverview { total_clients: 1_284, total_technicians: 8, active_technicians: 6 },
        "Clientes 1.284 Técnicos 8 Técnicos activos 6",
        UsersOverview::default(),
        "Clientes 0",
    )
    .await;
}

#[tokio::test]
async fn the_strip_never_says_that_all_is_well_when_it_does_not_know() {
    let check = async |props: PanelProps<OrdersByStatus>, expected: &str| {
        let text = text(&rendered::<AttentionPanel>(props).await);
        assert!(text.starts_with(expected), "{expected}: {text}");
        assert!(!text.contains("Todo está al día"), "{text}");
    };
    check(panel(None, Condition::Loading), "Alertas Cargando…").await;
    check(panel(None, failed()), "Alertas No se pudo cargar · Reintentar").await;
    check(panel(None, Condition::Forbidden), "Alertas Tu cuenta no puede ver estos datos.").await;
    check(panel(None, Condition::Absent), "Alertas Este servidor no ofrece estos datos.").await;
    let old = panel(Some(by_status([0, 2, 0, 0, 0, 0, 0])), failed());
    check(old, "Alertas No se pudo actualizar · 10:42 · Reintentar 2 órdenes esperando aprobación").await;
}

fn by_status(counts: [u64; 7]) -> OrdersByStatus {
    let of = |(status, count): (OrderStatus, u64)| StatusCount { status: status.into(), count };
    OrdersByStatus { orders_by_status: OrderStatus::ALL.into_iter().zip(counts).map(of).collect() }
}

#[tokio::test]
async fn the_distribution_names_states_and_shares_of_all() {
    let mut value = by_status([6, 4, 38, 12, 0, 5, 1412]);
    value.orders_by_status.push(StatusCount { status: StatusCode::Unknown("ON_MARS".into()), count: 3 });
    let html = rendered::<ByStatusPanel>(ready(value)).await;
    let text = text(&html);
    for expected in [
        "En Revisión 6 (0,4 %)",
        "Entregado 1.412 (95,4 %)",
        "En el taller 30",
        "Cerradas 1.450",
        "ON_MARS 3",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(html.contains("width:100.00%"));
    let none = rendered::<ByStatusPanel>(ready(by_status([0; 7]))).await;
    assert!(none.contains("Aún no hay órdenes"));
}

#[tokio::test]
async fn attention_counts_what_waits_and_is_quiet_otherwise() {
    let check = async |counts: [u64; 7], expected: &str| {
        let text = text(&rendered::<AttentionPanel>(ready(by_status(counts))).await);
        assert!(text.contains(expected), "{expected}: {text}");
    };
    check([0, 4, 0, 0, 1, 0, 0], "4 órdenes esperando aprobación 1 orden esperando repuestos").await;
    check([0, 1, 0, 0, 0, 0, 0], "1 orden esperando aprobación 0 órdenes esperando repuestos nada pendiente")
        .await;
    check([9, 0, 1, 2, 0, 3, 4], "Todo está al día").await;
    let unknown = rendered::<AttentionPanel>(panel(None, Condition::Loading)).await;
    assert!(!unknown.contains("Todo está al día"), "what is not known is not well");
}

fn order(id: &str) -> RecentOrder {
    RecentOrder {
        id: id.into(),
        problem_description: "No enciende".into(),
        status: StatusCode::Known(OrderStatus::InReview),
        client_name: None,
        equipment_name: None,
        created_at: "2026-11-24T03:09:10.923Z".into(),
        final_cost: None,
    }
}

#[tokio::test]
async fn recent_orders_are_read_with_whatever_is_missing() {
    let value =
        OrdersRecent { recent_orders: vec![order("123e4567-e89b"), order("123e4567-e89b"), order("2")] };
    let html = rendered::<RecentPanel>(ready(value)).await;
    let text = text(&html);
    assert!(
        text.contains("#123e4567 Sin equipo $0,00 En Revisión Sin cliente · No enciende hace 5"),
        "{text}"
    );
    assert_eq!(html.matches("data-order=\"123e4567-e89b\"").count(), 1, "the same order stands there once");
    assert!(!text.contains("Nueva"), "what was there at first is not new");
}

#[tokio::test]
async fn totals_are_never_cut() {
    let (words, formats) = (&crate::i18n::SPANISH, Formats::new(crate::format::Locale::default()));
    let value = OrdersRevenue {
        total_revenue: Money::from_cents(12_345_678_901),
        average_cost: Money::ZERO,
        completed_orders_count: 1,
    };
    let revenue = rendered::<totals::Total>(totals::revenue(&ready(value).data, words, &formats)).await;
    assert!(text(&revenue).contains("Facturación Total $123.456.789,01 Órdenes completadas"), "{revenue}");
    let value = UsersOverview { total_clients: 1_284, total_technicians: 8, active_technicians: 6 };
    let technicians = totals::technicians(&ready(value.clone()).data, words, &formats);
    assert!(rendered::<totals::Total>(technicians).await.contains("<small>/8</small>"));
    let failed = panel(Some(value), Condition::Failed { at: "w".into() }).data;
    let clients = rendered::<totals::Total>(totals::clients(&failed, words, &formats)).await;
    assert!(clients.contains("1.284") && clients.contains("No se pudo actualizar"), "{clients}");
    assert!(text(&clients).contains("de las 10:42"), "since when it is old: {clients}");
    let nobody = ready(UsersOverview::default()).data;
    let nobody = rendered::<totals::Total>(totals::technicians(&nobody, words, &formats)).await;
    assert!(text(&nobody).ends_with("0 /0 Aún no hay técnicos"), "{nobody}");
    let refused = panel(None, Condition::Forbidden).data;
    assert!(
        rendered::<totals::Total>(totals::clients(&refused, words, &formats)).await.contains("Sin permiso")
    );
}

fn service(name: &str, count: u64) -> TopService {
    TopService { service_name: name.into(), count, revenue: Money::from_cents(4_500) }
}

fn technician() -> TopTechnician {
    TopTechnician {
        id: "1".into(),
        name: "luis Vera".into(),
        specialty: Some("Celulares".into()),
        completed_orders: 3,
        revenue: Money::ZERO,
        active: false,
    }
}

#[tokio::test]
async fn what_is_cut_can_be_read_whole() {
    let long = "Computador de escritorio para diseño con doble monitor y tableta digitalizadora";
    let mut odd = order("1");
    odd.equipment_name = Some(long.into());
    odd.status = StatusCode::Unknown("<ON_MARS>".into());
    let html = rendered::<RecentPanel>(ready(OrdersRecent { recent_orders: vec![odd] })).await;
    assert!(html.contains(&format!("title=\"{long}\"")), "{html}");
    assert!(html.contains("title=\"&lt;ON_MARS&gt;\"") && !html.contains("<ON_MARS>"), "{html}");
    assert!(html.contains("title=\"Sin cliente · No enciende\""), "{html}");
    let times = html.matches("<time datetime=\"2025-11-16T10:30:45.567Z\"").count();
    assert_eq!(times, 1, "a machine can read when it was: {html}");
}

#[tokio::test]
async fn the_other_panels_say_what_they_have() {
    let services = OrdersTopServices { top_services: vec![service("Limpieza", 412), service("Batería", 1)] };
    let seen = text(&rendered::<TopServicesPanel>(ready(services)).await);
    assert!(
        seen.contains("412 servicios") && seen.contains("1 servicio") && seen.contains("$45,00"),
        "{seen}"
    );
    let seen = text(
        &rendered::<TopTechniciansPanel>(ready(UsersTopTechnicians { top_technicians: vec![technician()] }))
            .await,
    );
    assert!(seen.contains("L luis Vera Inactivo 3 Celulares $0,00"), "{seen}");
    let overview = OrdersOverview {
        total_orders: 1_477,
        active_orders: 27,
        rejected_orders: 38,
        completed_orders: 1_412,
    };
    let revenue = panel(None::<OrdersRevenue>, Condition::Loading).data;
    let props =
        summaries::OrdersSummaryProps { data: ready(overview).data, revenue, on_retry: Callback::noop() };
    let seen = text(&rendered::<OrdersSummaryPanel>(props).await);
    assert!(
        seen.contains("Total 1.477 Completadas 1.412 En Proceso 27 Rechazadas 38 Costo Promedio —"),
        "{seen}"
    );
}

#[derive(PartialEq, Properties)]
struct PageProps {
    words: &'static Words,
    panels: Panels,
}

#[component]
fn Page(props: &PageProps) -> Html {
    html! {
        <ContextProvider<&'static Words> context={props.words}>
            <DashboardPage panels={props.panels.clone()} on_retry={Callback::noop()} />
        </ContextProvider<&'static Words>>
    }
}

/// All panels in one state, with a value of nothing but zeros or with none.
fn all(condition: Condition, has_value: bool) -> Panels {
    fn one<T: Default + 'static>(condition: &Condition, has_value: bool) -> Panel<T> {
        panel(has_value.then(T::default), condition.clone()).data
    }
    Panels {
        orders_overview: one(&condition, has_value),
        orders_revenue: one(&condition, has_value),
        orders_by_status: one(&condition, has_value),
        orders_recent: one(&condition, has_value),
        orders_top_services: one(&condition, has_value),
        users_overview: one(&condition, has_value),
        users_top_clients: one(&condition, has_value),
        users_top_technicians: one(&condition, has_value),
    }
}

#[tokio::test]
async fn the_page_speaks_one_language_at_a_time() {
    let states = [
        (Condition::Loading, false),
        (Condition::Ready, true),
        (failed(), true),
        (failed(), false),
        (Condition::Forbidden, false),
        (Condition::Absent, false),
    ];
    for (condition, has_value) in states {
        let page = async |words| {
            let props = PageProps { words, panels: all(condition.clone(), has_value) };
            text(&rendered::<Page>(props).await)
        };
        let (spanish, english) = (page(&SPANISH).await, page(&ENGLISH).await);
        assert!(
            spanish.contains("Órdenes por Estado") && english.contains("Orders by Status"),
            "{condition:?}"
        );
        // Spanish gives itself away by its letters.
        let foreign: Vec<_> =
            english.split(' ').filter(|word| word.contains(|c| "áéíóúñÓÉ".contains(c))).collect();
        assert!(foreign.is_empty(), "{condition:?}: {foreign:?}");
    }
}

/// A panel whose value is the same is not rendered again: equal props are what yew goes by.
#[test]
fn equal_props_are_equal() {
    let one = ready(clients());
    assert!(one == one.clone());
    assert!(ready(clients()) != one, "another value, though with the same content, is another");
}

#[component]
fn Nothing() -> Html {
    html! {}
}

#[tokio::test]
async fn the_renderer_renders() {
    assert_eq!(rendered::<Nothing>(()).await, "");
}
