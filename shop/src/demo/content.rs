//! What the invented shop is made of. Amounts are cents.

pub struct Technician {
    pub name: &'static str,
    pub email: &'static str,
    pub specialty: &'static str,
    pub years: i64,
    pub is_evaluator: bool,
    pub active: bool,
}

const fn technician(
    name: &'static str,
    email: &'static str,
    specialty: &'static str,
    years: i64,
) -> Technician {
    Technician { name, email, specialty, years, is_evaluator: false, active: true }
}

const fn evaluator(
    name: &'static str,
    email: &'static str,
    specialty: &'static str,
    years: i64,
) -> Technician {
    Technician { is_evaluator: true, ..technician(name, email, specialty, years) }
}

const fn retired(name: &'static str, email: &'static str, specialty: &'static str, years: i64) -> Technician {
    Technician { active: false, ..technician(name, email, specialty, years) }
}

pub const TECHNICIANS: [Technician; 8] = [
    evaluator("Ángel Guamán Quishpe", "angel.guaman@pulso.demo", "Laptops y placas base", 12),
    technician("Lucía Cevallos", "lucia.cevallos@pulso.demo", "Celulares y tabletas", 6),
    evaluator("Iván Ñáñez Córdova", "ivan.nanez@pulso.demo", "Microelectrónica", 15),
    technician("Gabriela Toapanta", "gabriela.toapanta@pulso.demo", "Impresoras y plotters", 4),
    technician("Jefferson Mejía", "jefferson.mejia@pulso.demo", "Redes y servidores", 8),
    evaluator("Doménica Sarmiento Ávila", "domenica.sarmiento@pulso.demo", "Recuperación de datos", 9),
    retired("Byron Chiluisa", "byron.chiluisa@pulso.demo", "Consolas y televisores", 3),
    retired("Mónica Güiracocha", "monica.guiracocha@pulso.demo", "Celulares", 2),
];

pub const CLIENTS: [(&str, &str, &str); 25] = [
    ("Rosa Elena Quishpe", "rosa.quishpe@pulso.demo", "099 412 7781"),
    ("Unidad Educativa Particular «Nuestra Señora del Rosario»", "compras.rosario@pulso.demo", "02 245 1190"),
    ("José Andrés Muñoz", "jose.munoz@pulso.demo", "098 335 0142"),
    (
        "María Fernanda de los Ángeles Villavicencio-Echeverría",
        "maria.villavicencio@pulso.demo",
        "099 876 5521",
    ),
    ("Cooperativa de Transporte Pesado Andino Cía. Ltda.", "sistemas.andino@pulso.demo", "03 282 6644"),
    ("Wilson Caiza", "wilson.caiza@pulso.demo", "096 114 9082"),
    ("Íngrid Peñafiel", "ingrid.penafiel@pulso.demo", "098 771 3390"),
    ("Hostal Río Yanuncay", "recepcion.yanuncay@pulso.demo", "07 288 4521"),
    ("Segundo Manuel Tituaña", "segundo.tituana@pulso.demo", "099 220 1875"),
    ("Verónica Ordóñez", "veronica.ordonez@pulso.demo", "098 904 4471"),
    ("Farmacias Santa Mónica", "soporte.santamonica@pulso.demo", "04 239 8810"),
    ("Edison Pilataxi", "edison.pilataxi@pulso.demo", "097 668 2043"),
    ("Lourdes Yánez", "lourdes.yanez@pulso.demo", "099 541 6627"),
    ("Estudio Jurídico Núñez, Arízaga & Asociados", "oficina.nunez@pulso.demo", "02 290 7755"),
    ("Kevin Zambrano", "kevin.zambrano@pulso.demo", "098 127 5930"),
    ("Carmita Guachamín", "carmita.guachamin@pulso.demo", "096 483 2218"),
    ("Óscar Benítez", "oscar.benitez@pulso.demo", "099 305 7746"),
    ("Panadería y Pastelería La Espiga Dorada", "espiga.dorada@pulso.demo", "03 242 1187"),
    ("Ximena Larrea", "ximena.larrea@pulso.demo", "098 652 9914"),
    ("Darwin Macías", "darwin.macias@pulso.demo", "099 018 4463"),
    (
        "Gobierno Autónomo Descentralizado Parroquial de Chiquintad",
        "tics.chiquintad@pulso.demo",
        "07 228 3309",
    ),
    ("Paúl Espinosa", "paul.espinosa@pulso.demo", "097 739 1520"),
    ("Nathaly Bermeo", "nathaly.bermeo@pulso.demo", "098 266 8057"),
    ("Florícola Valle del Cayambe S.A.", "mantenimiento.cayambe@pulso.demo", "02 211 0946"),
    ("Inés Chimborazo", "ines.chimborazo@pulso.demo", "096 950 3372"),
];

pub struct Service {
    pub name: &'static str,
    pub description: &'static str,
    pub kind: &'static str,
    pub price: i64,
    pub minutes: i64,
}

const fn service(
    name: &'static str,
    kind: &'static str,
    price: i64,
    minutes: i64,
    description: &'static str,
) -> Service {
    Service { name, description, kind, price, minutes }
}

pub const SERVICES: [Service; 12] = [
    service("Cambio de pantalla", "REPAIR", 4_500, 90, "Pantalla nueva, con prueba de color y de tacto"),
    service(
        "Limpieza y mantenimiento preventivo",
        "MAINTENANCE",
        2_500,
        60,
        "Polvo, pasta térmica y ventiladores",
    ),
    service("Cambio de batería", "REPAIR", 1_800, 40, "Batería original o equivalente, con garantía"),
    service(
        "Instalación de sistema operativo y programas",
        "INSTALLATION",
        3_000,
        120,
        "Con respaldo de los datos",
    ),
    service("Reparación de placa base", "REPAIR", 9_500, 240, "Diagnóstico con microscopio y soldadura fina"),
    service("Recuperación de datos", "DATA", 12_000, 480, "De discos, memorias y celulares que no arrancan"),
    service("Cambio de conector de carga", "REPAIR", 2_200, 50, "USB-C, Lightning o de barril"),
    service("Cambio de teclado", "REPAIR", 2_800, 60, "En español, con o sin luz"),
    service(
        "Calibración y limpieza de cabezales",
        "MAINTENANCE",
        2_400,
        70,
        "Impresoras de tinta y de tanque",
    ),
    service("Reballing del chip gráfico", "REPAIR", 16_500, 300, "Con estación infrarroja"),
    service(
        "Migración y respaldo de servidor",
        "DATA",
        185_000,
        960,
        "En horario nocturno, sin detener el negocio",
    ),
    service(
        "Cableado estructurado y puesta en marcha de red",
        "INSTALLATION",
        248_050,
        1_440,
        "Hasta 24 puntos, certificado",
    ),
];

/// Services that only firms order, at the end of the list.
pub const FOR_FIRMS: usize = 2;

/// Name, what it is, price, and how many are left.
pub const PARTS: [(&str, &str, i64, i64); 15] = [
    ("Pantalla LCD de 15,6\" Full HD", "Panel IPS de 30 pines", 8_990, 7),
    ("SSD de 500 GB", "SATA de 2,5 pulgadas", 6_599, 18),
    ("SSD NVMe de 1 TB", "PCIe 4.0, con disipador", 9_850, 9),
    ("Memoria DDR4 de 8 GB", "3200 MHz, para portátiles", 3_275, 24),
    ("Memoria DDR5 de 16 GB", "5600 MHz", 6_140, 11),
    ("Batería para portátil de 4 celdas", "14,8 V, 2600 mAh", 4_225, 6),
    ("Módulo de pantalla para celular", "OLED con marco", 11_500, 4),
    ("Batería para celular", "Con adhesivo y herramientas", 2_150, 32),
    ("Conector de carga USB-C", "Con placa secundaria", 675, 41),
    ("Teclado en español", "Retroiluminado", 3_490, 8),
    ("Ventilador de CPU", "Con pasta térmica", 1_850, 13),
    ("Cabezal de impresión", "Para tanque de tinta, negro y color", 5_790, 3),
    ("Fuente de poder de 650 W", "80 Plus Bronze", 7_420, 5),
    ("Disco duro para servidor de 4 TB", "SAS, 7200 rpm", 23_900, 2),
    ("Switch administrable de 24 puertos", "Gigabit, montaje en rack", 41_275, 1),
];

/// Type, name, brand, model.
pub const DEVICES: [(&str, &str, &str, &str); 16] = [
    ("LAPTOP", "Laptop Dell Inspiron", "Dell", "Inspiron 15 3520"),
    ("CELLPHONE", "Galaxy A54", "Samsung", "SM-A546E"),
    ("PC", "Computador de caja", "Lenovo", "ThinkCentre M70q"),
    ("PRINTER", "Impresora EcoTank", "Epson", "L3250"),
    ("LAPTOP", "MacBook Air", "Apple", "M2 13\""),
    ("CELLPHONE", "iPhone 13", "Apple", "A2633"),
    ("TABLET", "Tablet de pedidos", "Samsung", "Galaxy Tab A8"),
    ("LAPTOP", "Laptop HP Pavilion", "HP", "15-eh3003la"),
    ("PC", "Computador de diseño", "Clon", "Ryzen 7 con RTX 3060"),
    ("CELLPHONE", "Redmi Note 12", "Xiaomi", "23021RAA2Y"),
    ("LAPTOP", "ThinkPad de contabilidad", "Lenovo", "T14 Gen 3"),
    ("PRINTER", "Impresora de facturas", "Epson", "TM-T20III"),
    ("PC", "Servidor de archivos", "HPE", "ProLiant ML30 Gen10"),
    ("LAPTOP", "Laptop Asus VivoBook", "Asus", "X1502ZA"),
    ("TABLET", "iPad", "Apple", "10.ª generación"),
    ("CELLPHONE", "Moto G72", "Motorola", "XT2255"),
];

/// What is said at the counter, by the type of the device.
const COMPUTER_PROBLEMS: [&str; 8] = [
    "No enciende desde el corte de luz de ayer",
    "La pantalla quedó con líneas verticales después de una caída",
    "Se apaga sola a los pocos minutos y el ventilador suena muy fuerte",
    "Se regó café sobre el teclado; varias teclas ya no responden",
    "Muy lento al abrir la facturación, tarda hasta diez minutos por la mañana",
    "Pantalla azul al iniciar; necesitamos recuperar la contabilidad de los últimos tres años",
    "El disco hace un ruido extraño y pide reparar en cada arranque",
    "No reconoce la red de la oficina ni el servidor de archivos",
];
const HANDHELD_PROBLEMS: [&str; 6] = [
    "La batería dura menos de una hora y se calienta mucho al cargar",
    "No carga: hay que mover el cable para que haga contacto",
    "Pantalla rota, el tacto responde solo en la mitad de arriba",
    "Cámara borrosa y micrófono que no se oye en las llamadas",
    "Olvidó la contraseña y no tiene copia de sus fotos",
    "Se mojó con la lluvia y ya no enciende",
];
const PRINTER_PROBLEMS: [&str; 4] = [
    "Imprime con rayas y el color amarillo no sale",
    "Atasca el papel en cada hoja",
    "No imprime desde la caja, aunque la computadora la reconoce",
    "Mantenimiento anual y calibración de cabezales",
];

pub fn problems(device: &str) -> &'static [&'static str] {
    match device {
        "CELLPHONE" | "TABLET" => &HANDHELD_PROBLEMS,
        "PRINTER" => &PRINTER_PROBLEMS,
        _ => &COMPUTER_PROBLEMS,
    }
}

pub const DIAGNOSES: [&str; 6] = [
    "Módulo de pantalla dañado; se recomienda el cambio",
    "Circuito de carga en corto, reparable en placa",
    "Disco con sectores defectuosos: recuperar los datos y reemplazar",
    "Pasta térmica seca y ventilador bloqueado por polvo",
    "Daño por líquido en el teclado; la placa está a salvo",
    "Batería hinchada, cambio urgente",
];

/// For whoever comes in later.
pub const FIRST_NAMES: [&str; 12] = [
    "Andrea", "Bolívar", "Cristina", "Efraín", "Génesis", "Hernán", "Jazmín", "Lenín", "Maribel", "Néstor",
    "Patricia", "Raúl",
];
pub const LAST_NAMES: [&str; 12] = [
    "Albán",
    "Bravo Cañizares",
    "Cajamarca",
    "Dávila",
    "Erazo",
    "Fárez",
    "Guerrón",
    "Iza",
    "Jácome Peña",
    "Lliguín",
    "Moreira",
    "Suárez",
];
